using System.Text.RegularExpressions;
using I2V.Gateway.Errors;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Request = I2V.Protocol.Workers.FailJob;

namespace I2V.Gateway.Scheduling;

/// <summary><c>POST /worker/v1/claims/{lease}/fail</c>: the attempt ends without a film; the code decides whether there is another.</summary>
internal static partial class FailJob
{
    public static async Task<Results<Ok<AttemptEnded>, ProblemResult>> HandleAsync(
        Guid lease, Request request, JobTransitions transitions, CancellationToken ct)
    {
        if (!Code().IsMatch(request.Code))
        {
            return Problems.Invalid("/code", "code must be one of the documented error codes, such as inference_failed.");
        }

        if (string.IsNullOrWhiteSpace(request.Message))
        {
            return Problems.Invalid("/message", "message must say what went wrong, for the user.");
        }

        var ended = await transitions.FailAsync(new Lease(request.JobId, request.Attempt, lease), request.Code, request.Message, ct);
        return ended is null ? LeaseProblems.Gone() : TypedResults.Ok(ended);
    }

    // The form and not the list: a worker may be newer than the gateway. An unknown code is not tried again.
    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,39}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Code();
}
