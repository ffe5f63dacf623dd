namespace I2V.Tests.Gateway.Scheduling;

/// <summary>Time that the test owns.</summary>
internal sealed class ManualClock : TimeProvider
{
    private TimeSpan elapsed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + elapsed;

    public override long GetTimestamp() => elapsed.Ticks;

    public void Advance(TimeSpan time) => elapsed += time;
}
