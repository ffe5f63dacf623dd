using Npgsql;

namespace I2V.Gateway.Scheduling;

// This part: what time causes, and workers that come and go. Every gateway may sweep at once: rows that another one holds are skipped.
internal sealed partial class JobTransitions
{
    /// <summary>Ends attempts whose lease lapsed. Returns how many.</summary>
    public async Task<int> ReapAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        var jobs = await ReapAsync(connection, MostReapedAtOnce, ct);
        Tell(jobs);
        return jobs.Count;
    }

    /// <summary>Ends waiting jobs whose deadline passed and asks running ones to end. Returns how many.</summary>
    public async Task<int> ExpireAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var command = new NpgsqlCommand(TransitionSql.Expire, connection);
        command.Parameters.Int(MostReapedAtOnce);
        var jobs = await ReadJobsAsync(command, ct);
        Tell(jobs);
        return jobs.Count;
    }

    /// <summary>Writes new tickets for jobs that wait although a worker idles. Returns how many.</summary>
    public async Task<int> ReticketAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Reticket);
        command.Parameters.Int(32).Seconds(options.WorkerSilenceSeconds);
        var tickets = await command.ExecuteNonQueryAsync(ct);
        if (tickets > 0)
        {
            signals.TicketWaits();
        }

        return tickets;
    }

    /// <summary>Writes down a new incarnation; its predecessors on the same device are gone and their jobs go back at once.</summary>
    public async Task RegisterWorkerAsync(NewWorker worker, CancellationToken ct)
    {
        var registration = worker.Registration;
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (var batch = new NpgsqlBatch(connection))
        {
            var take = new NpgsqlBatchCommand(TransitionSql.LockDevice);
            take.Parameters.Text(registration.Device.Id);
            var insert = new NpgsqlBatchCommand(TransitionSql.InsertWorker);
            insert.Parameters
                .Uuid(worker.Id).Text(registration.Name).Text(registration.Host)
                .Text(registration.Device.Id).Json(registration.Device).Json(registration.Models)
                .Texts(registration.Lanes).Text(registration.Version).Long(registration.Device.MemoryFreeBytes);
            var retire = new NpgsqlBatchCommand(TransitionSql.RetirePredecessors);
            retire.Parameters.Text(registration.Device.Id).Uuid(worker.Id);
            batch.BatchCommands.Add(take);
            batch.BatchCommands.Add(insert);
            batch.BatchCommands.Add(retire);
            await batch.ExecuteNonQueryAsync(ct);
        }

        var jobs = await ReapAsync(connection, MostReapedAtOnce, ct);
        await transaction.CommitAsync(ct);
        Tell(jobs);
    }

    /// <summary>The worker says goodbye. What it still holds goes back at once.</summary>
    public async Task RetireWorkerAsync(Guid workerId, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (var retire = new NpgsqlCommand(TransitionSql.RetireWorker, connection))
        {
            retire.Parameters.Uuid(workerId);
            await retire.ExecuteNonQueryAsync(ct);
        }

        var jobs = await ReapAsync(connection, MostReapedAtOnce, ct);
        await transaction.CommitAsync(ct);
        Tell(jobs);
    }

    /// <summary>Forgets what nobody will ask for any more.</summary>
    public async Task PruneAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Prune);
        await command.ExecuteNonQueryAsync(ct);
    }

    private async Task<List<Guid>> ReapAsync(NpgsqlConnection connection, int most, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(TransitionSql.Reap, connection);
        command.Parameters.Int(most).Seconds(options.CrashBackoffSeconds);
        return await ReadJobsAsync(command, ct);
    }

    private static async Task<List<Guid>> ReadJobsAsync(NpgsqlCommand command, CancellationToken ct)
    {
        var jobs = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            jobs.Add(reader.GetGuid(2));
        }

        return jobs;
    }

    private void Tell(List<Guid> jobs)
    {
        foreach (var job in jobs)
        {
            signals.Changed(job);
        }

        if (jobs.Count > 0)
        {
            signals.TicketWaits();
        }
    }
}
