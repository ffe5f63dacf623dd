using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Workers;

/// <summary><c>GET /v1/workers</c> and <c>GET /v1/workers/{id}</c>.</summary>
internal static class ListWorkers
{
    public static async Task<Ok<WorkerList>> HandleAsync(ClaimsPrincipal user, WorkerReader workers, CancellationToken ct) =>
        TypedResults.Ok(new WorkerList(await workers.ListAsync(user.TenantId(), ct)));

    public static async Task<Results<Ok<WorkerObject>, ProblemResult>> HandleOneAsync(
        string id, ClaimsPrincipal user, WorkerReader workers, CancellationToken ct) =>
        Guid.TryParse(id, out var workerId) && await workers.FindAsync(user.TenantId(), workerId, ct) is { } worker
            ? TypedResults.Ok(worker)
            : Problems.NotFound("There is no such worker.");
}
