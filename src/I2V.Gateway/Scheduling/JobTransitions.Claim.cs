using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Workers;
using Npgsql;

namespace I2V.Gateway.Scheduling;

// This part: which job a worker gets.
internal sealed partial class JobTransitions
{
    private const int MostReapedAtOnce = 100;

    /// <summary>
    /// Leases the best waiting job to the worker. Two statements under the tenant's lock, because only a statement that begins
    /// after the lock sees how many jobs run by then. Nothing waits only when no tenant has work: one that is locked by
    /// another claim is waited for, so that two workers of a single tenant both get a job.
    /// </summary>
    public async Task<ClaimResult> ClaimAsync(Claimant claimant, CancellationToken ct)
    {
        for (var turn = 0; turn < MostTurns; turn++)
        {
            try
            {
                if (await TryClaimAsync(claimant, ct) is { } result)
                {
                    return result;
                }
            }
            catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                // The tenant with work stayed locked; whoever holds it may leave some for us.
            }
        }

        return new ClaimResult.NothingWaits();
    }

    /// <summary>One try; null when the choice was stale by the time it was locked.</summary>
    private async Task<ClaimResult?> TryClaimAsync(Claimant claimant, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);

        var seen = await SeeWorkerAsync(connection, claimant, ct);
        if (seen.Lanes is null)
        {
            return new ClaimResult.UnknownWorker();
        }

        List<Guid> reaped = seen.Forgot ? await ReapAsync(connection, MostReapedAtOnce, ct) : [];
        var job = seen.Repeated;
        var tenant = job is null ? await PickTenantAsync(connection, claimant.WorkerId, seen.Lanes, ct) : null;
        if (tenant is { } id)
        {
            job = await LeaseAsync(connection, id, claimant, seen.Lanes, ct);
        }

        await transaction.CommitAsync(ct);
        Tell(reaped);
        if (job is not null)
        {
            signals.Changed(job.Lease.JobId);
            return new ClaimResult.Claimed(job);
        }

        return tenant is null ? new ClaimResult.NothingWaits() : null;
    }

    private async Task<(string[]? Lanes, LeasedJob? Repeated, bool Forgot)> SeeWorkerAsync(
        NpgsqlConnection connection, Claimant claimant, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(TransitionSql.ShareLanes));
        var see = new NpgsqlBatchCommand(TransitionSql.SeeWorker);
        see.Parameters.Uuid(claimant.WorkerId).Long(claimant.MemoryFreeBytes).Text(claimant.WarmModel).Long(claimant.HostFreeBytes);
        var repeat = new NpgsqlBatchCommand(TransitionSql.RepeatClaim);
        repeat.Parameters.Uuid(claimant.WorkerId).Seconds(options.LeaseSeconds);
        var lapse = new NpgsqlBatchCommand(TransitionSql.LapseOwn);
        lapse.Parameters.Uuid(claimant.WorkerId);
        batch.BatchCommands.Add(see);
        batch.BatchCommands.Add(repeat);
        batch.BatchCommands.Add(lapse);

        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        var lanes = await reader.ReadAsync(ct) ? reader.GetFieldValue<string[]>(0) : null;
        await reader.NextResultAsync(ct);
        var repeated = await reader.ReadAsync(ct) ? ReadLeased(reader) : null;
        await reader.NextResultAsync(ct);
        return (lanes, repeated, await reader.ReadAsync(ct));
    }

    private static async Task<Guid?> PickTenantAsync(NpgsqlConnection connection, Guid worker, string[] lanes, CancellationToken ct)
    {
        await using (var pick = new NpgsqlCommand(TransitionSql.PickTenant, connection))
        {
            pick.Parameters.Texts(lanes).Uuid(worker);
            if (await pick.ExecuteScalarAsync(ct) is Guid free)
            {
                return free;
            }
        }

        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand("set local lock_timeout = '200ms'"));
        var wait = new NpgsqlBatchCommand(TransitionSql.PickTenantOrWait);
        wait.Parameters.Texts(lanes).Uuid(worker);
        batch.BatchCommands.Add(wait);
        return await batch.ExecuteScalarAsync(ct) as Guid?;
    }

    private async Task<LeasedJob?> LeaseAsync(
        NpgsqlConnection connection, Guid tenantId, Claimant claimant, string[] lanes, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(TransitionSql.Claim, connection);
        command.Parameters
            .Uuid(tenantId).Uuid(claimant.WorkerId).Texts(lanes).Text(claimant.WarmModel)
            .Seconds(options.LeaseSeconds).Seconds(options.WarmWindowSeconds);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? ReadLeased(reader) : null;
    }

    private static LeasedJob ReadLeased(NpgsqlDataReader reader) => new()
    {
        Lease = new Lease(reader.GetGuid(0), reader.GetInt32(2), reader.GetGuid(3)),
        TenantId = reader.GetGuid(1),
        Spec = JsonSerializer.Deserialize<JobSpec>(reader.GetString(4), I2VJson.Options)!,
        InputKey = reader.GetString(5),
        InputSha256 = reader.GetString(6),
        RunTimeoutSeconds = reader.GetInt32(7),
        Traceparent = reader.IsDBNull(8) ? null : reader.GetString(8),
    };
}
