using I2V.Inference.Devices;
using I2V.Inference.Native;

namespace I2V.Tests.Inference.Devices;

/// <summary>A GPU as a driver would show it; what is null the driver or the GPU does not have.</summary>
internal sealed record FakeGpu(string Uuid, string? Name = "NVIDIA L4")
{
    public NvmlMemory? Memory { get; init; }

    public NvmlMemory? MemoryV2 { get; init; }

    public (int Major, int Minor)? Capability { get; init; }

    public int? Utilization { get; init; }

    public int? TemperatureV { get; init; }

    public int? Temperature { get; init; }

    public int? PowerDraw { get; init; }

    public int? PowerLimit { get; init; }

    public IReadOnlyList<GpuProcess>? Computing { get; init; }

    public IReadOnlyList<GpuProcess>? Drawing { get; init; }

    /// <summary>Null for a GPU that cannot be split; places without an instance are null.</summary>
    public IReadOnlyList<FakeGpu?>? Instances { get; init; }

    /// <summary>What it answers to everything, once it has been found.</summary>
    public NvmlResult Health { get; set; }
}

/// <summary>The driver's library without a driver.</summary>
internal sealed class FakeNvml(params FakeGpu[] gpus) : INvmlLibrary
{
    public string? Driver { get; init; }

    public int? Cuda { get; init; }

    public NvmlResult GetDriverVersion(out string version)
    {
        version = Driver ?? "";
        return Driver is null ? NvmlResult.FunctionNotFound : NvmlResult.Success;
    }

    public NvmlResult GetCudaVersion(out int version)
    {
        version = Cuda ?? 0;
        return Cuda is null ? NvmlResult.FunctionNotFound : NvmlResult.Success;
    }

    public NvmlResult GetCount(out int count)
    {
        count = gpus.Length;
        return NvmlResult.Success;
    }

    public NvmlResult GetHandle(int index, out nint device)
    {
        device = Handle(index);
        return index < gpus.Length ? NvmlResult.Success : NvmlResult.InvalidArgument;
    }

    public NvmlResult GetHandle(string uuid, out nint device)
    {
        device = All().FirstOrDefault(found => found.Gpu.Uuid == uuid).Handle;
        return device == 0 ? NvmlResult.NotFound : NvmlResult.Success;
    }

    public NvmlResult GetMigMode(nint device, out bool enabled)
    {
        var instances = Find(device).Instances;
        enabled = instances is not null;
        return enabled ? NvmlResult.Success : NvmlResult.NotSupported;
    }

    public NvmlResult GetMaxMigCount(nint device, out int count)
    {
        count = Find(device).Instances?.Count ?? 0;
        return NvmlResult.Success;
    }

    public NvmlResult GetMigInstance(nint device, int place, out nint instance)
    {
        var there = Find(device).Instances?[place] is not null;
        instance = there ? (device * 100) + place : 0;
        return there ? NvmlResult.Success : NvmlResult.NotFound;
    }

    public NvmlResult GetMigParent(nint instance, out nint device)
    {
        device = instance / 100;
        return device == 0 ? NvmlResult.InvalidArgument : NvmlResult.Success;
    }

    public NvmlResult GetName(nint device, out string name)
    {
        name = Find(device).Name ?? "";
        return Find(device).Name is null ? NvmlResult.NotSupported : NvmlResult.Success;
    }

    public NvmlResult GetUuid(nint device, out string uuid)
    {
        uuid = Find(device).Uuid;
        return NvmlResult.Success;
    }

    public NvmlResult GetComputeCapability(nint device, out int major, out int minor)
    {
        var result = Answer(device, Find(device).Capability, out var capability);
        (major, minor) = capability;
        return result;
    }

    public NvmlResult GetMemoryV2(nint device, out NvmlMemory memory) => Answer(device, Find(device).MemoryV2, out memory);

    public NvmlResult GetMemory(nint device, out NvmlMemory memory) => Answer(device, Find(device).Memory, out memory);

    public NvmlResult GetUtilization(nint device, out int percent) => Answer(device, Find(device).Utilization, out percent);

    public NvmlResult GetTemperatureV(nint device, out int celsius) => Answer(device, Find(device).TemperatureV, out celsius);

    public NvmlResult GetTemperature(nint device, out int celsius) => Answer(device, Find(device).Temperature, out celsius);

    public NvmlResult GetPowerDraw(nint device, out int milliwatts) => Answer(device, Find(device).PowerDraw, out milliwatts);

    public NvmlResult GetPowerLimit(nint device, out int milliwatts) => Answer(device, Find(device).PowerLimit, out milliwatts);

    public NvmlResult GetProcesses(nint device, bool graphics, out IReadOnlyList<GpuProcess> processes)
    {
        var found = graphics ? Find(device).Drawing : Find(device).Computing;
        processes = found ?? [];
        return found is null ? NvmlResult.NotSupported : Find(device).Health;
    }

    private static nint Handle(int index) => index + 1;

    private NvmlResult Answer<T>(nint device, T? value, out T answer)
        where T : struct
    {
        answer = value ?? default;
        return Find(device).Health is not NvmlResult.Success and var sick ? sick : value is null ? NvmlResult.NotSupported : NvmlResult.Success;
    }

    private FakeGpu Find(nint device) => All().Single(found => found.Handle == device).Gpu;

    private IEnumerable<(nint Handle, FakeGpu Gpu)> All()
    {
        for (var index = 0; index < gpus.Length; index++)
        {
            yield return (Handle(index), gpus[index]);
            for (var place = 0; place < gpus[index].Instances?.Count; place++)
            {
                if (gpus[index].Instances![place] is { } instance)
                {
                    yield return ((Handle(index) * 100) + place, instance);
                }
            }
        }
    }
}
