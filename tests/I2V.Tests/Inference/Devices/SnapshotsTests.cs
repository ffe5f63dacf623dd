using I2V.Inference.Devices;
using I2V.Inference.Native;
using I2V.Tests.Inference.Memory;

namespace I2V.Tests.Inference.Devices;

public sealed class SnapshotsTests
{
    private const long Committed = 5_000_000_000;
    private const long Expected = Snapshots.ExpectedCudaOverheadBytes;

    private readonly ManualTimeProvider time = new();

    [Fact]
    public void Facts_and_free_bytes_are_the_devices()
    {
        var snapshot = Of(own: null, committed: null);

        Assert.Equal(
            new DeviceSnapshot
            {
                Provider = "cuda",
                Id = "GPU-3b7d5a10-9f2e-4c61-8a5e-0d6f2b1c7e94",
                Name = "NVIDIA GeForce RTX 3060",
                ComputeCapability = "8.6",
                TotalBytes = 12L << 30,
                FreeBytes = 12_482_248_704,
                HeldBytes = 0,
                OverheadBytes = Expected,
                HostFreeBytes = 77,
            },
            snapshot);
    }

    [Theory]
    [InlineData(Committed + 800_000_000, true, 800_000_000)]
    [InlineData(Committed + 300_000_000, true, 300_000_000)]
    [InlineData(Committed + 300_000_000, false, Expected)]
    [InlineData(Committed + 800_000_000, false, 800_000_000)]
    public void Overhead_is_measured_after_the_first_run_and_at_least_expected_before_it(long own, bool warmedUp, long overhead)
    {
        var snapshot = Of(own, Committed, warmedUp);

        Assert.Equal((own, overhead), (snapshot.HeldBytes, snapshot.OverheadBytes));
    }

    [Fact]
    public void Where_the_driver_does_not_tell_the_process_its_bytes_are_ours_and_the_expectation()
    {
        Assert.Equal((Committed + Expected, Expected), Held(Of(own: null, Committed)));
        // Somebody else has our number on the host: we hold more than that.
        Assert.Equal((Committed + Expected, Expected), Held(Of(own: Committed - 1, Committed)));
    }

    [Fact]
    public void A_process_that_is_alone_on_the_device_is_this_one_whatever_its_number()
    {
        Assert.Equal((Committed + 700_000_000, 700_000_000), Held(Of(own: null, Committed, processes: [new GpuProcess(4_321, Committed + 700_000_000)])));
        Assert.Equal((Committed + Expected, Expected), Held(Of(own: null, Committed, processes: [new GpuProcess(1, Committed + 1), new GpuProcess(2, Committed + 2)])));
        Assert.Equal((Committed + Expected, Expected), Held(Of(own: null, Committed, processes: [new GpuProcess(1, null)])));
        // Before there is a context here, whoever is alone there is somebody else.
        Assert.Equal((0, Expected), Held(Of(own: null, committed: null, processes: [new GpuProcess(1, 4L << 30)])));
    }

    [Fact]
    public void Our_allocator_is_asked_for_what_is_committed()
    {
        var memory = new DeviceMemory(new SimulatedBacking(sparse: true), segmentBytes: 64 << 20);
        var address = memory.Allocate(10 << 20);
        Assert.NotEqual(0, address);

        var snapshot = Snapshots.Now(RecordedProbe.Open("idle-12gb", time), new SystemMemory(), memory, warmedUp: true);

        // The one process in the trace holds more than we have taken, so it is taken for this one.
        Assert.Equal((154_140_672, 154_140_672 - memory.Use.CommittedBytes), Held(snapshot));
        Assert.InRange(snapshot.HostFreeBytes, 1, long.MaxValue);
        memory.Free(address);
    }

    [Fact]
    public void On_the_processor_the_process_is_held_and_nothing_is_overhead()
    {
        var probe = new HostProbe("cpu", "vm/cpu-0", "Some processor", new SystemMemory(), limitBytes: 8L << 30, time);

        var snapshot = Snapshots.Now(probe, new SystemMemory(), warmedUp: false);

        Assert.Equal(("cpu", "vm/cpu-0", 0), (snapshot.Provider, snapshot.Id, snapshot.OverheadBytes));
        Assert.InRange(snapshot.HeldBytes, 1 << 20, 8L << 30);
        Assert.True(snapshot.FreeBytes + snapshot.HeldBytes <= snapshot.TotalBytes);
    }

    private static (long Held, long Overhead) Held(DeviceSnapshot snapshot) => (snapshot.HeldBytes, snapshot.OverheadBytes);

    private DeviceSnapshot Of(long? own, long? committed, bool warmedUp = true, GpuProcess[]? processes = null)
    {
        var probe = RecordedProbe.Open("idle-12gb", time);
        var sample = probe.Read();
        sample = sample with { Memory = sample.Memory with { ProcessBytes = own }, Processes = processes };
        return Snapshots.Of(probe.Facts, sample, committed, hostFreeBytes: 77, warmedUp);
    }
}
