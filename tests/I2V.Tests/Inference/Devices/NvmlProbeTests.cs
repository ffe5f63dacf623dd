using I2V.Inference.Devices;
using I2V.Inference.Native;

namespace I2V.Tests.Inference.Devices;

public sealed class NvmlProbeTests
{
    private static readonly FakeGpu Full = new("GPU-1", "NVIDIA GeForce RTX 4090")
    {
        Memory = new NvmlMemory(24_000, 20_000, 4_000),
        MemoryV2 = new NvmlMemory(24_000, 20_000, 3_500),
        Capability = (8, 9),
        Utilization = 37,
        TemperatureV = 61,
        Temperature = 60,
        PowerDraw = 212_500,
        PowerLimit = 450_000,
        Computing = [new GpuProcess(Environment.ProcessId, 3_000), new GpuProcess(1, null)],
        Drawing = [new GpuProcess(Environment.ProcessId, 3_000), new GpuProcess(2, 100)],
    };

    private readonly ManualTimeProvider time = new();

    [Fact]
    public void Everything_that_the_driver_knows_is_told()
    {
        var probe = Open(new FakeNvml(Full) { Driver = "580.95.05", Cuda = 13_010 }, "GPU-1");

        Assert.Equal(
            new GpuFacts
            {
                Provider = "cuda",
                Id = "GPU-1",
                Name = "NVIDIA GeForce RTX 4090",
                TotalBytes = 24_000,
                ComputeCapability = "8.9",
                DriverVersion = "580.95.05",
                CudaVersion = "13.1",
            },
            probe.Facts);
        var sample = probe.Read();
        Assert.Equal(new GpuMemory(24_000, 20_000, 3_500, 3_000), sample.Memory);
        Assert.Equal((37, 61, 212.5, 450), (sample.UtilizationPercent, sample.TemperatureCelsius, sample.PowerWatts, sample.PowerLimitWatts));
        Assert.Equal([new(Environment.ProcessId, 3_000), new(1, null), new(2, 100)], sample.Processes!);
        Assert.Equal(time.GetUtcNow(), sample.TakenAt);
    }

    [Fact]
    public void What_an_old_driver_does_not_have_is_null_and_its_memory_is_enough()
    {
        var sample = Open(new FakeNvml(new FakeGpu("GPU-1", Name: null) { Memory = Full.Memory, Temperature = 60 }), "GPU-1", out var facts).Read();

        Assert.Equal(("NVIDIA GPU", null, null, null), (facts.Name, facts.ComputeCapability, facts.DriverVersion, facts.CudaVersion));
        Assert.Equal(new GpuMemory(24_000, 20_000, 4_000, null), sample.Memory);
        Assert.Equal(60, sample.TemperatureCelsius);
        Assert.Null(sample.UtilizationPercent);
        Assert.Null(sample.PowerWatts);
        Assert.Null(sample.PowerLimitWatts);
        Assert.Null(sample.Processes);
    }

    [Fact]
    public void A_mig_instance_has_its_own_memory_and_its_cards_temperature()
    {
        var instance = new FakeGpu("MIG-a", "NVIDIA A100 MIG 1g.5gb") { MemoryV2 = new NvmlMemory(5_000, 4_900, 100), Computing = [] };
        var library = new FakeNvml(new FakeGpu("GPU-0"), Full with { Instances = [null, instance] });

        var sample = Open(library, "MIG-a", out var facts).Read();

        Assert.Equal(("MIG-a", "NVIDIA A100 MIG 1g.5gb", 5_000, "GPU-1", "8.9"), (facts.Id, facts.Name, facts.TotalBytes, facts.ParentId, facts.ComputeCapability));
        Assert.Equal(new GpuMemory(5_000, 4_900, 100, null), sample.Memory);
        Assert.Equal((null, 61, 212.5), (sample.UtilizationPercent, sample.TemperatureCelsius, sample.PowerWatts));
        Assert.Empty(sample.Processes!);
    }

    [Theory]
    [InlineData((int)NvmlResult.GpuIsLost, DeviceError.Lost, "is lost")]
    [InlineData((int)NvmlResult.Unknown, DeviceError.NoAnswer, "it answered Unknown")]
    public void A_gpu_that_does_not_answer_says_why(int result, DeviceError error, string words)
    {
        var gpu = Full with { Health = NvmlResult.Success };
        var probe = Open(new FakeNvml(gpu), "GPU-1");
        gpu.Health = (NvmlResult)result;

        var refusal = Assert.Throws<DeviceException>(() => probe.Read());

        Assert.Equal(error, refusal.Error);
        Assert.Contains("GPU-1", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gpu_that_is_not_there_is_a_sentence()
    {
        Assert.Null(Nvml.TryOpen(new FakeNvml(Full), "GPU-2", out var reason));

        Assert.Equal("NVML has no GPU GPU-2: it answered NotFound.", reason);
    }

    [Fact]
    public void Gpus_are_listed_with_their_instances_in_the_order_of_nvidia_smi()
    {
        var library = new FakeNvml(
            new FakeGpu("GPU-0"),
            new FakeGpu("GPU-1", "NVIDIA A100") { Instances = [new FakeGpu("MIG-a", "NVIDIA A100 MIG 3g.20gb"), null, new FakeGpu("MIG-b", Name: null)] });

        var gpus = ListedGpu.All(library);

        Assert.Equal([(0, "GPU-0", false), (1, "GPU-1", true)], gpus.Select(gpu => (gpu.Index, gpu.Uuid, gpu.IsSplit)));
        Assert.Equal([("MIG-a", "NVIDIA A100 MIG 3g.20gb"), ("MIG-b", "NVIDIA A100")], gpus[1].Instances.Select(instance => (instance.Uuid, instance.Name)));
        Assert.Equal(["GPU-0", "MIG-a", "MIG-b"], gpus.SelectMany(gpu => gpu.Usable).Select(gpu => gpu.Uuid));
        Assert.Equal("0 NVIDIA L4 (GPU-0)", gpus[0].ToString());
    }

    private NvmlProbe Open(FakeNvml library, string uuid) => Open(library, uuid, out _);

    private NvmlProbe Open(FakeNvml library, string uuid, out GpuFacts facts)
    {
        var probe = new NvmlProbe(Nvml.TryOpen(library, uuid, out var reason) ?? throw new InvalidOperationException(reason), time);
        facts = probe.Facts;
        return probe;
    }
}
