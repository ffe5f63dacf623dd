using System.Collections.Concurrent;
using System.Globalization;
using I2V.Gateway.Errors;
using I2V.Gateway.Scheduling;
using Npgsql;

namespace I2V.Gateway.Limits;

/// <summary>
/// Keeps a tenant's stored pictures and films within its <c>max_bytes</c>, where jobs are accepted: what a running job makes is
/// never thrown away. While there was plenty of room a moment ago nothing is counted. Near the limit every submit counts, together
/// with those that this gateway is just writing, so that submits at once do not pass it; what other gateways are just writing is
/// not seen.
/// </summary>
internal sealed class StoredBytes(NpgsqlDataSource database, TimeProvider clock)
{
    /// <summary>Room below which it is counted every time: 1 GiB.</summary>
    private const long Margin = 1L << 30;

    /// <summary>Films expire at any time; asking more often than this helps nobody.</summary>
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private const string Count = """
        select t.max_bytes, coalesce((
            select sum(j.stored_bytes) from jobs j where j.tenant_id = t.id and j.files_gone_at is null), 0)::bigint
        from tenants t where t.id = $1
        """;

    private readonly ConcurrentDictionary<Guid, Gauge> gauges = new();

    /// <summary>Holds room for a job's picture until the job is written or given up, which the caller says by disposing.</summary>
    /// <exception cref="RefusedException">There is no room; says how much is stored.</exception>
    public async Task<IDisposable> ReserveAsync(Guid tenant, long bytes, CancellationToken ct)
    {
        var gauge = gauges.GetOrAdd(tenant, _ => new Gauge());
        var reservation = gauge.Reserve(bytes);
        try
        {
            if (gauge.CountedAt is not { } at || clock.GetElapsedTime(at) >= Fresh || gauge.Room < Margin)
            {
                await CountAsync(tenant, gauge, ct);
            }

            return reservation;
        }
        catch
        {
            reservation.Dispose();
            throw;
        }
    }

    private async Task CountAsync(Guid tenant, Gauge gauge, CancellationToken ct)
    {
        // Before the count: what is written in between is then counted twice and never missed.
        var reserved = gauge.Reserved;
        await using var command = database.CreateCommand(Count);
        command.Parameters.Uuid(tenant);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var (most, stored) = (reader.GetInt64(0), reader.GetInt64(1));
        gauge.Counted(most - stored - reserved, clock.GetTimestamp());
        if (stored + reserved > most)
        {
            throw new RefusedException(Problems.StorageFull(
                string.Create(CultureInfo.InvariantCulture, $"Your stored pictures and films have {stored} bytes, and you may keep {most}. Delete jobs, or let films expire sooner with output.expires_in."),
                RetryAfter));
        }
    }

    private sealed class Gauge
    {
        private long reserved;
        private Seen? seen;

        public long Reserved => Interlocked.Read(ref reserved);

        public long? CountedAt => Volatile.Read(ref seen)?.At;

        /// <summary>What the last count left, less what was reserved since; too little rather than too much.</summary>
        public long Room => (Volatile.Read(ref seen)?.Room ?? 0) - Reserved;

        public void Counted(long room, long at) => Volatile.Write(ref seen, new Seen(room, at));

        public Reservation Reserve(long bytes)
        {
            Interlocked.Add(ref reserved, bytes);
            return new Reservation(this, bytes);
        }

        public void Release(long bytes) => Interlocked.Add(ref reserved, -bytes);

        private sealed record Seen(long Room, long At);
    }

    private sealed class Reservation(Gauge gauge, long bytes) : IDisposable
    {
        private int released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref released, 1) == 0)
            {
                gauge.Release(bytes);
            }
        }
    }
}
