using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Npgsql;

namespace I2V.Gateway.Scheduling;

// This part: what the worker that holds the lease says. Null answers mean that the lease is gone.
internal sealed partial class JobTransitions
{
    private const string FailedOutcome = "failed";
    private const string ReleasedOutcome = "released";

    /// <summary>Renews the lease and stores the progress, and the plan where there was none.</summary>
    public async Task<Beat?> HeartbeatAsync(Lease lease, JobProgress? progress, AttemptPlan? plan, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Heartbeat);
        command.Parameters.Lease(lease).Seconds(options.LeaseSeconds).Json(progress).Json(plan?.Applied).Json(plan?.Degradations);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            return null;
        }

        if (reader.GetBoolean(2))
        {
            signals.Progressed(lease.JobId);
        }

        return new Beat(reader.GetGuid(0), CancelRequested: reader.GetBoolean(1), DrainRequested: reader.GetBoolean(3));
    }

    /// <summary>Notes until when the attempt's objects may be written, before it gets the links. False: the lease is gone.</summary>
    public async Task<bool> BeginUploadAsync(Lease lease, TimeSpan lifetime, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.BeginUpload);
        command.Parameters.Lease(lease).Seconds(lifetime.TotalSeconds);
        return await command.ExecuteNonQueryAsync(ct) == 1;
    }

    /// <summary>Makes the film the job's result, for good. The same film of the same attempt again gets the same answer.</summary>
    public async Task<AttemptEnded?> CompleteAsync(Lease lease, AttemptResult result, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Complete);
        command.Parameters
            .Lease(lease).Json(result.Outputs).Text(result.Sha256).Json(result.Applied)
            .Json(result.Degradations).Json(result.Warnings).Json(result.Metrics);
        return await EndAsync(command, lease, ct) ?? await FindCompletedAsync(lease, result.Sha256, ct);
    }

    /// <summary>What the same report was answered before, or null when it was not believed or never made.</summary>
    public async Task<AttemptEnded?> FindCompletedAsync(Lease lease, string sha256, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.FindCompleted);
        command.Parameters.Lease(lease).Text(sha256);
        return await ReadEndedAsync(command, ct);
    }

    /// <summary>Ends the attempt; the code decides whether there is another. A cancel that is under way wins.</summary>
    public async Task<AttemptEnded?> FailAsync(Lease lease, string code, string message, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Fail);
        command.Parameters
            .Lease(lease).Text(code).Text(message).Flag(ErrorCode.IsRetryable(code)).Seconds(options.FailureBackoffSeconds);
        return await EndAsync(command, lease, ct) ?? await FindEndedAsync(lease, FailedOutcome, code, ct);
    }

    /// <summary>Takes the job back from a worker that stops; it keeps its place in the queue.</summary>
    public async Task<AttemptEnded?> ReleaseAsync(Lease lease, string reason, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Release);
        command.Parameters.Lease(lease).Text(reason);
        return await EndAsync(command, lease, ct) ?? await FindEndedAsync(lease, ReleasedOutcome, ErrorCode.WorkerLost, ct);
    }

    private async Task<AttemptEnded?> EndAsync(NpgsqlCommand command, Lease lease, CancellationToken ct)
    {
        var ended = await ReadEndedAsync(command, ct);
        if (ended is not null)
        {
            signals.Changed(lease.JobId);
            signals.TicketWaits();
        }

        return ended;
    }

    private async Task<AttemptEnded?> FindEndedAsync(Lease lease, string outcome, string code, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.FindEnded);
        command.Parameters.Lease(lease).Text(outcome).Text(code);
        return await ReadEndedAsync(command, ct);
    }

    private static async Task<AttemptEnded?> ReadEndedAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? new AttemptEnded(Enum.Parse<JobStatus>(reader.GetString(0), ignoreCase: true), reader.IsDBNull(1) ? null : reader.GetString(1))
            : null;
    }
}

/// <summary>The lease is renewed.</summary>
internal sealed record Beat(Guid TenantId, bool CancelRequested, bool DrainRequested);
