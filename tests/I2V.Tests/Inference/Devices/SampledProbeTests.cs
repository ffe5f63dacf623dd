using I2V.Inference.Devices;

namespace I2V.Tests.Inference.Devices;

public sealed class SampledProbeTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly ManualTimeProvider time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void A_device_is_asked_once_a_second_and_looking_asks_nothing()
    {
        var recorded = RecordedProbe.Open("idle-12gb", time);
        using var probe = new SampledProbe(recorded, time);
        Assert.Equal(1, recorded.Questions);

        time.Advance(10 * Second);
        for (var look = 0; look < 100; look++)
        {
            Assert.Equal(time.GetUtcNow(), probe.Latest.TakenAt);
        }

        Assert.Equal(11, recorded.Questions);
        Assert.Equal((0, 40, 12.8), (probe.Latest.UtilizationPercent, probe.Latest.TemperatureCelsius, probe.Latest.PowerWatts));
    }

    [Fact]
    public void What_another_process_takes_and_gives_back_is_seen_within_a_second()
    {
        using var probe = new SampledProbe(RecordedProbe.Open("neighbour-takes-4gb", time), time);
        const long before = 12_482_248_704;
        Assert.Equal(before, probe.Latest.Memory.FreeBytes);

        time.Advance(5 * Second);
        Assert.Equal(before - (4L << 30), probe.Latest.Memory.FreeBytes);
        Assert.Equal(new GpuProcess(28_871, 4L << 30), Assert.Single(probe.Latest.Processes!));
        time.Advance(6 * Second);
        Assert.Equal((99, 66), (probe.Latest.UtilizationPercent, probe.Latest.TemperatureCelsius));
        time.Advance(Second);
        Assert.Equal(before, probe.Latest.Memory.FreeBytes);
    }

    [Fact]
    public void An_answer_that_fails_once_leaves_the_last_one_and_the_reason()
    {
        using var probe = new SampledProbe(RecordedProbe.Open("lost", time), time);
        time.Advance(3 * Second);

        Assert.Equal(time.GetUtcNow() - Second, probe.Latest.TakenAt);
        Assert.Equal("The GPU GPU-90aa2f4d-1be3-47d5-8c1f-7a64e0c58d21 answered NoAnswer.", probe.Trouble);
        time.Advance(Second);
        Assert.Equal((88, null), (probe.Latest.TemperatureCelsius, probe.Trouble));
        Assert.False(probe.Lost.IsCompleted);
    }

    [Fact]
    public async Task A_lost_gpu_stays_lost_and_is_asked_no_more()
    {
        var recorded = RecordedProbe.Open("lost", time);
        using var probe = new SampledProbe(recorded, time);
        time.Advance(6 * Second);

        Assert.Contains("answered Lost", await probe.Lost.WaitAsync(TimeSpan.FromSeconds(10), Ct), StringComparison.Ordinal);
        var asked = recorded.Questions;
        time.Advance(10 * Second);
        Assert.Equal(asked, recorded.Questions);
        Assert.Equal(88, probe.Latest.TemperatureCelsius);
        Assert.Contains("answered Lost", probe.Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_asks_at_once_and_what_it_hears_is_kept()
    {
        var recorded = RecordedProbe.Open("neighbour-takes-4gb", time);
        using var probe = new SampledProbe(recorded, time);
        time.Advance(4.5 * Second);
        time.Advance(0.5 * Second - TimeSpan.FromTicks(1));
        var asked = recorded.Questions;

        Assert.Equal(12_482_248_704, probe.Read().Memory.FreeBytes);

        Assert.Equal(asked + 1, recorded.Questions);
        Assert.Equal(time.GetUtcNow(), probe.Latest.TakenAt);
    }

    [Fact]
    public async Task A_driver_that_hangs_holds_up_nobody_and_is_not_asked_twice()
    {
        using var hanging = new HangingProbe(RecordedProbe.Open("idle-12gb", time));
        using var probe = new SampledProbe(hanging, time);
        var first = probe.Latest;
        hanging.Hang();
        var tick = Task.Run(() => time.Advance(Second), Ct);
        Assert.True(hanging.Asked.Wait(TimeSpan.FromSeconds(10), Ct));

        time.Advance(3 * Second);
        Assert.Same(first, probe.Latest);
        Assert.Equal(2, hanging.Questions);

        hanging.Go();
        await tick;
        time.Advance(4 * Second); // the late tick has put the clock back to its own second
        Assert.Equal(3, hanging.Questions);
        Assert.Equal(time.GetUtcNow(), probe.Latest.TakenAt);
    }

    [Fact]
    public void A_device_that_never_answers_is_refused_at_once()
    {
        var recorded = RecordedProbe.Open("lost", time);
        time.Advance(6 * Second);

        Assert.Equal(DeviceError.Lost, Assert.Throws<DeviceException>(() => new SampledProbe(recorded, time)).Error);
    }

    [Fact]
    public void After_the_end_nothing_is_asked()
    {
        var recorded = RecordedProbe.Open("idle-12gb", time);
        new SampledProbe(recorded, time).Dispose();

        time.Advance(5 * Second);

        Assert.Equal(1, recorded.Questions);
    }

    private sealed class HangingProbe(IGpuProbe inner) : IGpuProbe, IDisposable
    {
        private readonly ManualResetEventSlim go = new(initialState: true);

        public ManualResetEventSlim Asked { get; } = new();

        public int Questions { get; private set; }

        public GpuFacts Facts => inner.Facts;

        public void Hang()
        {
            Asked.Reset();
            go.Reset();
        }

        public void Go() => go.Set();

        public GpuSample Read()
        {
            Questions++;
            Asked.Set();
            go.Wait(TimeSpan.FromSeconds(30), Ct);
            return inner.Read();
        }

        public void Dispose()
        {
            go.Dispose();
            Asked.Dispose();
        }
    }
}
