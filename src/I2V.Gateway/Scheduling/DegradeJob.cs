using I2V.Gateway.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Scheduling;

/// <summary><c>POST /worker/v1/claims/{lease}/degraded</c>: memory ran out, and the attempt goes on a rung further down.</summary>
internal static class DegradeJob
{
    private const int LongestRung = 64;

    public static async Task<Results<NoContent, ProblemResult>> HandleAsync(
        Guid lease, JobDegraded request, JobTransitions transitions, CancellationToken ct)
    {
        if (request.Phase == JobPhase.Unknown)
        {
            return Problems.Invalid("/phase", "phase must say where memory ran out, such as denoising.");
        }

        if (request.FromRung.Length is 0 or > LongestRung || request.ToRung.Length is 0 or > LongestRung)
        {
            return Problems.Invalid("/to_rung", "from_rung and to_rung must have 1 to 64 characters.");
        }

        if (request.FromRung == request.ToRung && request.Degradation is null)
        {
            return Problems.Invalid("/degradation", "degradation must say what went down when the rung is the same.");
        }

        return await transitions.DegradeAsync(new Lease(request.JobId, request.Attempt, lease), request, ct)
            ? TypedResults.NoContent()
            : LeaseProblems.Gone();
    }
}
