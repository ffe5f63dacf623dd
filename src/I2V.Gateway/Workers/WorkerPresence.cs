using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;

namespace I2V.Gateway.Workers;

/// <summary><c>POST /worker/v1/workers/{id}/heartbeat</c> while idle, and <c>DELETE /worker/v1/workers/{id}</c> as a goodbye.</summary>
internal static class WorkerPresence
{
    private const string Beat = """
        update workers set last_seen_at = clock_timestamp(), state = $2,
            memory_free_bytes = coalesce($3, memory_free_bytes), warm_model = $4, host_free_bytes = coalesce($5, host_free_bytes)
        where id = $1 and state <> 'gone'
        returning drain_requested_at is not null
        """;

    public static async Task<Results<Ok<IdleHeartbeatAnswer>, ProblemResult>> HeartbeatAsync(
        Guid id, IdleHeartbeat request, NpgsqlDataSource database, CancellationToken ct)
    {
        if (request.State is not ("idle" or "loading" or "draining"))
        {
            return Problems.Invalid("/state", "state must be idle, loading or draining.");
        }

        await using var command = database.CreateCommand(Beat);
        command.Parameters.Uuid(id).Text(request.State).Long(request.MemoryFreeBytes).Text(request.WarmModel).Long(request.HostFreeBytes);
        return await command.ExecuteScalarAsync(ct) is bool drain
            ? TypedResults.Ok(new IdleHeartbeatAnswer(drain))
            : Problems.NotFound("This worker is not registered, or another took over its device. Register again.");
    }

    /// <summary>What the worker still holds goes back to the queue at once. Saying it again changes nothing.</summary>
    public static async Task<NoContent> GoodbyeAsync(Guid id, JobTransitions transitions, Fleet fleet, CancellationToken ct)
    {
        await transitions.RetireWorkerAsync(id, ct);
        fleet.Forget();
        return TypedResults.NoContent();
    }
}
