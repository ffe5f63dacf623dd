using Npgsql;

namespace I2V.Gateway.Scheduling;

// This part: what people change while work goes on.
internal sealed partial class JobTransitions
{
    /// <summary>
    /// Changes a job that waits, all of it or nothing. A claim that comes at the same time either sees the change or makes it be
    /// refused: both want the same row, and each looks again at what it finds there.
    /// </summary>
    public async Task<ChangeResult> ChangeAsync(Guid tenantId, Guid jobId, JobChange change, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await RunAsync(connection, TransitionSql.LockJob, tenantId, jobId, ct) is not string state)
        {
            return new ChangeResult.NotFound();
        }

        if (change is { Priority: not null } or { Tags: not null } && !await EditAsync(connection, tenantId, jobId, change, ct))
        {
            return new ChangeResult.Refused(state);
        }

        var moved = change.Hold switch
        {
            true => await RunAsync(connection, TransitionSql.Hold, tenantId, jobId, ct) is 1,
            false => await RunAsync(connection, TransitionSql.Unhold, tenantId, jobId, ct) is 1,
            null => false,
        };
        if (!moved && change.Hold is { } hold && state != (hold ? "held" : "queued"))
        {
            return new ChangeResult.Refused(state);
        }

        await transaction.CommitAsync(ct);
        signals.Changed(jobId);
        if (moved && change.Hold == false)
        {
            signals.TicketWaits();
        }

        return new ChangeResult.Changed();
    }

    /// <summary>Nobody claims from the lane from the moment on that this returns; what runs goes on. An unknown lane is left alone.</summary>
    public async Task PauseLaneAsync(string lane, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (var batch = new NpgsqlBatch(connection))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(TransitionSql.OwnLanes));
            var pause = new NpgsqlBatchCommand(TransitionSql.PauseLane);
            pause.Parameters.Text(lane);
            batch.BatchCommands.Add(pause);
            await batch.ExecuteNonQueryAsync(ct);
        }

        await transaction.CommitAsync(ct);
    }

    /// <summary>Opens the lane again and tells workers that something waits there.</summary>
    public async Task ResumeLaneAsync(string lane, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.ResumeLane);
        command.Parameters.Text(lane);
        await command.ExecuteNonQueryAsync(ct);
        signals.TicketWaits();
    }

    /// <summary>The worker gets no further job from the moment on that this returns, and finishes the one that it has.</summary>
    public async Task DrainWorkerAsync(Guid workerId, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.DrainWorker);
        command.Parameters.Uuid(workerId);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The worker may claim again.</summary>
    public async Task ResumeWorkerAsync(Guid workerId, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.ResumeWorker);
        command.Parameters.Uuid(workerId);
        await command.ExecuteNonQueryAsync(ct);
        signals.TicketWaits();
    }

    private static async Task<bool> EditAsync(NpgsqlConnection connection, Guid tenantId, Guid jobId, JobChange change, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(TransitionSql.Edit, connection);
        command.Parameters.Uuid(jobId).Uuid(tenantId).Int(change.Priority).Json(change.Tags);
        return await command.ExecuteNonQueryAsync(ct) == 1;
    }

    private static async Task<object?> RunAsync(NpgsqlConnection connection, string sql, Guid tenantId, Guid jobId, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Uuid(jobId).Uuid(tenantId);
        return await command.ExecuteScalarAsync(ct);
    }
}
