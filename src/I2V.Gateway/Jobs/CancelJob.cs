using System.Security.Claims;
using I2V.Gateway.Errors;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary><c>POST /v1/jobs/{id}/cancel</c>. Saying it again changes nothing.</summary>
internal static class CancelJob
{
    public static async Task<Results<Ok<CancelAnswer>, ProblemResult>> HandleAsync(
        string id, ClaimsPrincipal user, JobReader jobs, JobTransitions transitions, JobObjects objects, CancellationToken ct)
    {
        if (await jobs.FindAsync(id, user, ct) is not { } row)
        {
            return JobReader.NotFound();
        }

        var result = await transitions.CancelAsync(row.TenantId, row.Id, ct) switch
        {
            CancelResult.Canceled => "canceled",
            CancelResult.Canceling => "canceling",
            CancelResult.AlreadyFinished => "already_finished",
            _ => null,
        };
        return result is not null && await jobs.FindAsync(row.Id, row.TenantId, ct) is { } now
            ? TypedResults.Ok(new CancelAnswer(result, (await objects.ToViewAsync(now, ct)).Job))
            : JobReader.NotFound();
    }
}
