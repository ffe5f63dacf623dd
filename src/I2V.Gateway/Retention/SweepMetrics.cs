using System.Diagnostics.Metrics;

namespace I2V.Gateway.Retention;

/// <summary>What the sweeper tells whoever collects the meter <c>I2V.Gateway.Retention</c>.</summary>
internal sealed class SweepMetrics(IMeterFactory meters)
{
    public const string MeterName = "I2V.Gateway.Retention";

    private readonly Meter meter = meters.Create(MeterName);

    /// <summary>Prefixes of attempts and jobs that were emptied.</summary>
    public Counter<long> Prefixes => field ??= meter.CreateCounter<long>("i2v.sweep.prefixes_deleted");

    /// <summary>Objects that no row knew.</summary>
    public Counter<long> Unknown => field ??= meter.CreateCounter<long>("i2v.sweep.unknown_objects_deleted");

    /// <summary>Jobs that were forgotten.</summary>
    public Counter<long> Jobs => field ??= meter.CreateCounter<long>("i2v.sweep.jobs_deleted");

    /// <summary>Rounds that ended early, by <c>reason</c>: <c>storage</c> or <c>database</c>.</summary>
    public Counter<long> Postponed => field ??= meter.CreateCounter<long>("i2v.sweep.postponed");
}
