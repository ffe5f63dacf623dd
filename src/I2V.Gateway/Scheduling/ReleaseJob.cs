using I2V.Gateway.Errors;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Request = I2V.Protocol.Workers.ReleaseJob;

namespace I2V.Gateway.Scheduling;

/// <summary><c>POST /worker/v1/claims/{lease}/release</c>: a worker that stops gives its job back, which costs the job nothing.</summary>
internal static class ReleaseJob
{
    public static async Task<Results<Ok<AttemptEnded>, ProblemResult>> HandleAsync(
        Guid lease, Request request, JobTransitions transitions, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(request.Reason))
        {
            return Problems.Invalid("/reason", "reason must say why the job is given back, such as: the worker is shutting down.");
        }

        var ended = await transitions.ReleaseAsync(new Lease(request.JobId, request.Attempt, lease), request.Reason, ct);
        return ended is null ? LeaseProblems.Gone() : TypedResults.Ok(ended);
    }
}
