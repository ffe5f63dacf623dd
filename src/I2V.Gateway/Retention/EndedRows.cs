using I2V.Gateway.Scheduling;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Retention;

/// <summary>
/// Decides what of attempts and jobs that ended is no longer needed: writes down which objects must go, and forgets rows. In small
/// batches, each a transaction of its own, and rows that another gateway holds are skipped.
/// </summary>
internal sealed class EndedRows(NpgsqlDataSource database, IOptions<RetentionOptions> options)
{
    /// <summary>So that a round ends; the next one goes on.</summary>
    private const int MostBatches = 200;

    private readonly RetentionOptions options = options.Value;

    public async Task<SweptRows> SweepAsync(CancellationToken ct)
    {
        await RepeatAsync(RetentionSql.PurgeRates, ct);
        return new SweptRows(
            Attempts: await RepeatAsync(RetentionSql.DoomAttempts, ct),
            Films: await RepeatAsync(RetentionSql.ExpireFiles, ct),
            Jobs: await RepeatAsync(RetentionSql.PurgeJobs, ct, options.JobDays),
            Keys: await RepeatAsync(RetentionSql.PurgeKeys, ct));
    }

    private async Task<int> RepeatAsync(string sql, CancellationToken ct, int? days = null)
    {
        var all = 0;
        for (var batch = 0; batch < MostBatches; batch++)
        {
            await using var command = database.CreateCommand(sql);
            command.Parameters.Int(options.BatchSize);
            if (days is { } age)
            {
                command.Parameters.Int(age);
            }

            var changed = (int)(await command.ExecuteScalarAsync(ct))!;
            all += changed;
            if (changed < options.BatchSize)
            {
                break;
            }
        }

        return all;
    }
}

/// <param name="Attempts">Attempts without a result whose objects must go.</param>
/// <param name="Films">Jobs whose picture and film were kept long enough.</param>
/// <param name="Jobs">Jobs that were forgotten.</param>
/// <param name="Keys">Idempotency keys that were forgotten.</param>
internal sealed record SweptRows(int Attempts, int Films, int Jobs, int Keys)
{
    public bool Any => Attempts + Films + Jobs + Keys > 0;
}
