using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>POST /v1/jobs/{id}/retry</c>: the same request once more, with the same picture, the same seed and the same time limits, as a job
/// of its own. The old one stays as it ended.
/// </summary>
internal static class RetryJob
{
    public static async Task<Results<Ok<JobObject>, Accepted<JobObject>, ProblemResult>> HandleAsync(
        string id, HttpContext http, ClaimsPrincipal user, JobReader jobs, RepeatJob repeat, JobWait waits, CancellationToken ct)
    {
        var headers = SubmitHeaders.Read(http.Request);
        if (await jobs.FindAsync(id, user, ct) is not { } origin)
        {
            return JobReader.NotFound();
        }

        RepeatJob.Require(origin, "retry", JobStatus.Failed, JobStatus.Canceled, JobStatus.Expired);
        var again = new Repetition(origin.Requested, origin.Spec, origin.Warnings)
        {
            CancelAfter = Whole(origin.DeadlineAt - origin.CreatedAt),
            StartWithin = Whole(origin.StartDeadlineAt - origin.CreatedAt),
        };
        var submitted = await repeat.RepeatAsync(origin, "retry", headers, user.MaxPriority(), _ => again, ct);
        return await SubmitAnswer.TellAsync(http, submitted, headers, waits, ct);
    }

    /// <summary>The limit as it was given: the database read its clock once for either time, microseconds apart.</summary>
    private static TimeSpan? Whole(TimeSpan? limit) => limit is { } span ? TimeSpan.FromMilliseconds(Math.Round(span.TotalMilliseconds)) : null;
}
