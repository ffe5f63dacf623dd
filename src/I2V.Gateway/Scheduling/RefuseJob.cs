using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Protocol.Errors;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Request = I2V.Protocol.Workers.RefuseJob;

namespace I2V.Gateway.Scheduling;

/// <summary><c>POST /worker/v1/claims/{lease}/refuse</c>: the job does not fit the worker; others may take it, at no cost to the job.</summary>
internal static class RefuseJob
{
    public static async Task<Results<Ok<AttemptEnded>, ProblemResult>> HandleAsync(
        Guid lease, Request request, JobTransitions transitions, RefitJobs refit, CancellationToken ct)
    {
        if (request.Code is not (ErrorCode.VramInsufficient or ErrorCode.RamInsufficient))
        {
            return Problems.Invalid("/code", $"code must be {ErrorCode.VramInsufficient} or {ErrorCode.RamInsufficient}.");
        }

        if (request.FreeBytes < 0 || request.NeededBytes < 0)
        {
            return Problems.Invalid("/needed_bytes", "needed_bytes and free_bytes must be at least 0.");
        }

        if (string.IsNullOrWhiteSpace(request.Message))
        {
            return Problems.Invalid("/message", "message must say what is missing, for the user.");
        }

        var ended = await transitions.RefuseAsync(new Lease(request.JobId, request.Attempt, lease), request, ct);
        if (ended is null)
        {
            return LeaseProblems.Gone();
        }

        await refit.CheckAsync(request.JobId, ct);
        return TypedResults.Ok(ended);
    }
}
