using System.Collections.Concurrent;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// Spares most submits the count of the tenant's waiting jobs: while there was plenty of room a moment ago, there is room.
/// Near the limit every submit counts, under the tenant's lock. With several gateways a tenant can exceed its limit by what
/// the others accept within a second.
/// </summary>
internal sealed class QueueQuota(TimeProvider clock)
{
    /// <summary>Room below which it is counted exactly.</summary>
    public const int Margin = 256;

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Guid, Gauge> gauges = new();

    /// <summary>True when a fresh count left room for this job too, which then counts as taken.</summary>
    public bool TryTake(Guid tenantId) =>
        gauges.TryGetValue(tenantId, out var gauge)
        && clock.GetElapsedTime(gauge.CountedAt) < Fresh
        && gauge.TryTake();

    /// <summary>Remembers a count.</summary>
    public void Counted(Guid tenantId, int maxQueued, int queued) =>
        gauges[tenantId] = new Gauge(clock.GetTimestamp(), maxQueued - queued - Margin);

    private sealed class Gauge(long countedAt, int room)
    {
        private int room = room;

        public long CountedAt => countedAt;

        public bool TryTake() => Volatile.Read(ref room) > 0 && Interlocked.Decrement(ref room) >= 0;
    }
}
