using System.Globalization;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary>Tells what became of a request for a new job, in the same words for every address that makes one.</summary>
internal static class SubmitAnswer
{
    private const int RetryAfterSeconds = 1;

    public static async Task<Results<Ok<JobObject>, Accepted<JobObject>, ProblemResult>> TellAsync(
        HttpContext http, (SubmitResult Result, JobRow? Row) submitted, SubmitHeaders headers, JobWait waits, CancellationToken ct)
    {
        if (submitted.Row is not { } row)
        {
            return Refuse(submitted.Result);
        }

        if (submitted.Result is SubmitResult.Replayed)
        {
            http.Response.Headers["Idempotent-Replayed"] = "true";
        }

        if (headers.Wait is { } wait)
        {
            http.Response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={wait.TotalSeconds:0}");
        }

        if (await waits.UntilAsync(row, headers.Wait ?? TimeSpan.Zero, view => view.Job.Status.IsTerminal(), ct) is not { Job: var job })
        {
            return JobReader.NotFound();
        }

        if (headers.Wait is not null && job.Status.IsTerminal())
        {
            return TypedResults.Ok(job);
        }

        http.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        return TypedResults.Accepted(job.Urls.Self, job);
    }

    private static ProblemResult Refuse(SubmitResult result) => result switch
    {
        SubmitResult.KeyReused => Problems.IdempotencyKeyReused(),
        SubmitResult.QueueFull full => Problems.QueueFull($"Your queue holds {full.MaxQueued} jobs, as many as it may. Try again when some have run."),
        _ => JobReader.NotFound(),
    };
}
