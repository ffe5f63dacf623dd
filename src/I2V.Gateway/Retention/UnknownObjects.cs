using System.Globalization;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace I2V.Gateway.Retention;

/// <summary>
/// Walks through everything that is stored, a few pages a round, and deletes what is old and no row knows: pictures of submits that
/// broke off, uploads that ended after their attempt was swept. The database remembers where the walk stands, so that any gateway
/// goes on with it. Names that are not ours, and tenants that this database does not know, are left alone.
/// </summary>
internal sealed class UnknownObjects(NpgsqlDataSource database, IObjectStore store, IOptions<RetentionOptions> options, TimeProvider clock)
{
    public const int PageSize = 500;

    private const int MostPages = 10;
    private static readonly TimeSpan TakenFor = TimeSpan.FromMinutes(10);

    private readonly RetentionOptions options = options.Value;

    /// <returns>How many objects were deleted.</returns>
    /// <exception cref="StorageException">The store is away. The page is looked at again later.</exception>
    public async Task<int> SweepAsync(CancellationToken ct)
    {
        var deleted = 0;
        for (var page = 0; page < MostPages; page++)
        {
            if (await TakePageAsync(ct) is not { } taken)
            {
                break;
            }

            try
            {
                var found = await store.ListPageAsync(taken.Marker, PageSize, ct);
                deleted += await DeleteUnknownAsync(found, ct);
                var isLast = found.Count < PageSize;
                await LeavePageAsync(isLast ? "" : found[^1].Key, taken.Until, isLast ? TimeSpan.FromHours(options.ScanHours) : TimeSpan.Zero, ct);
            }
            catch (StorageException)
            {
                await LeavePageAsync(taken.Marker, taken.Until, TimeSpan.FromSeconds(options.SweepSeconds), ct);
                throw;
            }
        }

        return deleted;
    }

    private async Task<int> DeleteUnknownAsync(IReadOnlyList<ObjectInfo> page, CancellationToken ct)
    {
        var oldest = clock.GetUtcNow() - TimeSpan.FromHours(options.OrphanHours);
        var old = page.Where(found => found.LastModified <= oldest && ObjectKey.IsValid(found.Key)).ToList();
        var doomed = old.Where(found => IsProbe(found.Key)).Select(found => found.Key).ToList();

        // Rows are asked after the listing, so that a job that was written in between is known.
        var ours = old.Select(found => (found.Key, Owner: StoredFor.Parse(found.Key))).Where(found => found.Owner is not null).ToList();
        foreach (var number in await FindUnknownAsync([.. ours.Select(found => found.Owner!)], ct))
        {
            doomed.Add(ours[number - 1].Key);
        }

        foreach (var key in doomed)
        {
            await store.DeleteAsync(key, ct);
        }

        return doomed.Count;
    }

    /// <summary>What a check of the store leaves when its process dies in the middle.</summary>
    private static bool IsProbe(string key) => key.StartsWith("health/", StringComparison.Ordinal) && Guid.TryParseExact(key["health/".Length..], "N", out _);

    private async Task<List<int>> FindUnknownAsync(StoredFor[] owners, CancellationToken ct)
    {
        List<int> unknown = [];
        if (owners.Length == 0)
        {
            return unknown;
        }

        await using var command = database.CreateCommand(RetentionSql.FindUnknown);
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = owners.Select(owner => owner.Tenant).ToArray() });
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = owners.Select(owner => owner.Job).ToArray() });
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer, Value = owners.Select(owner => owner.Attempt).ToArray() });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            unknown.Add((int)reader.GetInt64(0));
        }

        return unknown;
    }

    private async Task<(string Marker, DateTime Until)?> TakePageAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(RetentionSql.TakePage);
        command.Parameters.Seconds(TakenFor.TotalSeconds);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? (reader.GetString(0), reader.GetDateTime(1)) : null;
    }

    private async Task LeavePageAsync(string marker, DateTime until, TimeSpan pause, CancellationToken ct)
    {
        await using var command = database.CreateCommand(RetentionSql.LeavePage);
        command.Parameters.Text(marker).Time(until).Seconds(pause.TotalSeconds);
        await command.ExecuteNonQueryAsync(ct);
    }
}

/// <summary>Whose an object is by its name.</summary>
/// <param name="Attempt">0 for what belongs to the job itself, its picture.</param>
internal sealed record StoredFor(Guid Tenant, Guid Job, int Attempt)
{
    /// <summary>The inverse of <see cref="ArtifactKeys"/>; null for every other name.</summary>
    public static StoredFor? Parse(string key)
    {
        if (key.Split('/') is not ["t", var tenantText, "j", var jobText, .. var rest]
            || !Guid.TryParseExact(tenantText, "N", out var tenant)
            || !Guid.TryParseExact(jobText, "N", out var job))
        {
            return null;
        }

        return rest switch
        {
            [_] => new StoredFor(tenant, job, 0),
            [['a', .. var number], _] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) && attempt > 0 =>
                new StoredFor(tenant, job, attempt),
            _ => null,
        };
    }
}
