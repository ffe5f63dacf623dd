using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// Every way in which a job changes, and the only writer of jobs. Each transition is one transaction with its event and its
/// ticket; it is fenced, so that repeating it or saying it too late changes nothing. This part: what users cause.
/// </summary>
internal sealed partial class JobTransitions(
    NpgsqlDataSource database, QueueQuota quota, JobSignals signals, IOptions<SchedulingOptions> options)
{
    private const int MostTurns = 8;

    private readonly SchedulingOptions options = options.Value;

    /// <summary>Accepts a job: row, idempotency key, event and ticket are there together or not at all.</summary>
    public async Task<SubmitResult> SubmitAsync(NewJob job, IdempotencyClaim? key, CancellationToken ct)
    {
        for (var turn = 0; turn < MostTurns; turn++)
        {
            var result = await HasRoomAsync(job.TenantId, ct)
                ? await InsertAsync(job, key, ct)
                : await InsertNearLimitAsync(job, key, ct);
            if ((result ?? await FindReplayAsync(job.TenantId, key, ct)) is { } answer)
            {
                return answer;
            }

            // The job that held the key was deleted in between, so that the key is free again.
        }

        throw new TimeoutException("The Idempotency-Key kept changing hands; nothing was submitted.");
    }

    /// <summary>What a submit under this key would be told because of an earlier one; null where there is no key or nobody has used it.</summary>
    public async Task<SubmitResult?> FindReplayAsync(Guid tenantId, IdempotencyClaim? key, CancellationToken ct)
    {
        if (key is null)
        {
            return null;
        }

        await using var command = database.CreateCommand(TransitionSql.FindIdempotencyKey);
        command.Parameters.Uuid(tenantId).Text(key.Key);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct))
        {
            return null;
        }

        return reader.GetFieldValue<byte[]>(1).AsSpan().SequenceEqual(key.RequestHash)
            ? new SubmitResult.Replayed(reader.GetGuid(0))
            : new SubmitResult.KeyReused();
    }

    /// <summary>Ends a waiting job now and asks a running one to end. Saying it again gives the same answer.</summary>
    public async Task<CancelResult> CancelAsync(Guid tenantId, Guid jobId, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Cancel);
        command.Parameters.Uuid(jobId).Uuid(tenantId);
        if (await command.ExecuteScalarAsync(ct) is bool isRunning)
        {
            signals.Changed(jobId);
            return isRunning ? CancelResult.Canceling : CancelResult.Canceled;
        }

        // Nothing to do: why is asked afterwards, so that the answer is not older than what a racing transition did.
        await using var find = database.CreateCommand(TransitionSql.FindState);
        find.Parameters.Uuid(jobId).Uuid(tenantId);
        return await find.ExecuteScalarAsync(ct) switch
        {
            null => CancelResult.NotFound,
            "running" => CancelResult.Canceling,
            "canceled" => CancelResult.Canceled,
            _ => CancelResult.AlreadyFinished,
        };
    }

    /// <summary>Removes the job with its attempts, events and idempotency key. A worker that runs it learns that its lease is gone.</summary>
    public async Task<bool> DeleteAsync(Guid tenantId, Guid jobId, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Delete);
        command.Parameters.Uuid(jobId).Uuid(tenantId);
        var deleted = await command.ExecuteNonQueryAsync(ct) > 0;
        if (deleted)
        {
            signals.Changed(jobId);
        }

        return deleted;
    }

    private async Task<bool> HasRoomAsync(Guid tenantId, CancellationToken ct)
    {
        if (quota.TryTake(tenantId))
        {
            return true;
        }

        await using var connection = await database.OpenConnectionAsync(ct);
        var (max, queued) = await CountQueuedAsync(connection, tenantId, ct);
        quota.Counted(tenantId, max, queued);
        return quota.TryTake(tenantId);
    }

    private async Task<SubmitResult?> InsertAsync(NewJob job, IdempotencyClaim? key, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        return await InsertAsync(connection, job, key, ct) ? Created(job) : null;
    }

    /// <summary>Counts and inserts under the tenant's lock, so that the limit is exact where it matters.</summary>
    private async Task<SubmitResult?> InsertNearLimitAsync(NewJob job, IdempotencyClaim? key, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (var take = new NpgsqlCommand(TransitionSql.LockTenant, connection))
        {
            take.Parameters.Uuid(job.TenantId);
            await take.ExecuteNonQueryAsync(ct);
        }

        var (max, queued) = await CountQueuedAsync(connection, job.TenantId, ct);
        if (queued >= max)
        {
            await transaction.RollbackAsync(ct);
            return await FindReplayAsync(job.TenantId, key, ct) ?? new SubmitResult.QueueFull(max);
        }

        var inserted = await InsertAsync(connection, job, key, ct);
        await transaction.CommitAsync(ct);
        return inserted ? Created(job) : null;
    }

    private SubmitResult.Created Created(NewJob job)
    {
        signals.TicketWaits();
        signals.Changed(job.Id);
        return new SubmitResult.Created(job.Id);
    }

    private static async Task<(int Max, int Queued)> CountQueuedAsync(NpgsqlConnection connection, Guid tenantId, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(TransitionSql.CountQueued, connection);
        command.Parameters.Uuid(tenantId);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? (reader.GetInt32(0), reader.GetInt32(1))
            : throw new InvalidOperationException($"There is no tenant {tenantId}.");
    }

    private static async Task<bool> InsertAsync(NpgsqlConnection connection, NewJob job, IdempotencyClaim? key, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(TransitionSql.Submit, connection);
        command.Parameters
            .Uuid(job.Id).Uuid(job.TenantId).Text(key?.Key).Bytes(key?.RequestHash)
            .Text(job.Spec.Model).Text(job.Lane).Int(job.Priority)
            .Json(job.Requested).Json(job.Spec).Json(job.Warnings).Json(job.Tags).Int(job.Output.ExpiresIn)
            .Text(job.Input.Key).Text(job.Input.Sha256).Int(job.Input.Width).Int(job.Input.Height).Long(job.Input.Bytes)
            .Int((int)job.RunTimeout.TotalSeconds).Span(job.CancelAfter).Span(job.StartWithin)
            .Uuid(job.BatchId).Uuid(job.RetryOf).Text(job.Traceparent).Long(job.NeededBytes).Json(job.Webhook);
        return (int)(await command.ExecuteScalarAsync(ct))! == 1;
    }
}
