using I2V.Inference.Devices;
using I2V.Inference.Native;

namespace I2V.GpuTests;

/// <summary>The driver's own answers; what is made of them is tested without a GPU in I2V.Tests.</summary>
[Trait("Category", "Gpu")]
public sealed class NvmlTests(ITestOutputHelper output)
{
    [Fact]
    public void A_gpu_tells_what_it_is_and_how_it_is()
    {
        var gpu = GpuSelection.Choose(gpu: null, position: 0);
        var probe = NvmlProbe.Open(gpu.Uuid, TimeProvider.System);

        var (facts, sample) = (probe.Facts, probe.Read());

        output.WriteLine($"{facts}");
        output.WriteLine($"{sample}");
        Assert.Equal((gpu.Uuid, gpu.Name, "cuda"), (facts.Id, facts.Name, facts.Provider));
        Assert.Matches(@"^\d+\.\d+$", facts.ComputeCapability);
        Assert.Matches(@"^\d+\.\d+$", facts.CudaVersion);
        Assert.Matches(@"^\d+\.\d+", facts.DriverVersion);
        Assert.InRange(facts.TotalBytes, 1L << 30, 1L << 42);
        Assert.InRange(sample.Memory.FreeBytes, 0, facts.TotalBytes);
        Assert.InRange(sample.Memory.UsedBytes, 0, facts.TotalBytes - sample.Memory.FreeBytes);
        Assert.InRange(sample.TemperatureCelsius ?? 20, 5, 120);
        Assert.InRange(sample.UtilizationPercent ?? 0, 0, 100);
        Assert.InRange(sample.PowerWatts ?? 1, 1, 2_000);
    }

    [Fact]
    public void Cudas_first_device_is_the_one_that_is_chosen_by_default_and_has_its_compute_capability()
    {
        var chosen = GpuSelection.Choose(gpu: null, position: 0);
        var uuid = CudaDriver.Open(0).Uuid;

        Assert.Equal(chosen.Uuid[4..], uuid[4..]); // CUDA tells a MIG instance's without its kind
        Assert.Equal(chosen, GpuSelection.Choose(chosen.Uuid[..16], position: 0));
    }

    [Fact]
    public void What_this_process_takes_is_missing_from_what_is_free()
    {
        const long bytes = 256L << 20;
        var memory = DeviceMemory.For(0);
        var probe = NvmlProbe.Open(GpuSelection.Choose(gpu: null, position: 0).Uuid, TimeProvider.System);
        var before = probe.Read().Memory;

        var address = memory.Allocate((nuint)bytes);
        var during = probe.Read().Memory;
        var snapshot = Snapshots.Now(probe, new SystemMemory(), warmedUp: true);
        memory.Free(address);
        memory.Trim();

        Assert.NotEqual(0, address);
        output.WriteLine($"{before} {during} {snapshot}");
        Assert.True(before.FreeBytes - during.FreeBytes >= bytes - (16 << 20), $"{before.FreeBytes - during.FreeBytes} bytes are missing.");
        Assert.True(snapshot.HeldBytes >= bytes);
        Assert.InRange(snapshot.OverheadBytes, 1, 4L << 30);
    }
}
