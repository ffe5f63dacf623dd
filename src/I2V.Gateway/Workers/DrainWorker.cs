using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Workers;

/// <summary>
/// <c>POST /v1/workers/{id}/drain</c> and <c>…/resume</c>. The gateway gives a draining worker nothing; the worker hears of it with its
/// next heartbeat. It holds for this process: one that is started anew on the device is another worker.
/// </summary>
internal static class DrainWorker
{
    public static Task<Results<Ok<WorkerObject>, ProblemResult>> DrainAsync(
        string id, ClaimsPrincipal user, JobTransitions transitions, WorkerReader workers, Fleet fleet, CancellationToken ct) =>
        ChangeAsync(id, user, transitions.DrainWorkerAsync, workers, fleet, ct);

    public static Task<Results<Ok<WorkerObject>, ProblemResult>> ResumeAsync(
        string id, ClaimsPrincipal user, JobTransitions transitions, WorkerReader workers, Fleet fleet, CancellationToken ct) =>
        ChangeAsync(id, user, transitions.ResumeWorkerAsync, workers, fleet, ct);

    private static async Task<Results<Ok<WorkerObject>, ProblemResult>> ChangeAsync(
        string id, ClaimsPrincipal user, Func<Guid, CancellationToken, Task> change, WorkerReader workers, Fleet fleet, CancellationToken ct)
    {
        if (!Guid.TryParse(id, out var worker))
        {
            return Problems.NotFound("There is no such worker.");
        }

        await change(worker, ct);
        fleet.Forget();
        return await workers.FindAsync(user.TenantId(), worker, ct) switch
        {
            null => Problems.NotFound("There is no such worker."),
            { State: "gone" } => Problems.Conflict("This worker has gone: it said goodbye, or another took over its device."),
            var now => TypedResults.Ok(now),
        };
    }
}
