using I2V.Inference.Pipelines;
using I2V.Protocol.Workers;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Devices;

/// <summary>The one device of this process.</summary>
internal sealed class Device
{
    private readonly Func<long> freeBytes;

    private Device(DeviceKind kind, string id, string name, long totalBytes, Func<long> freeBytes)
    {
        Kind = kind;
        Id = id;
        Name = name;
        TotalBytes = totalBytes;
        this.freeBytes = freeBytes;
    }

    public static string Host { get; } = Environment.MachineName;

    public DeviceKind Kind { get; }

    /// <summary>GPU uuid, or <c>HOST/cpu-0</c>, <c>HOST/cpu-1</c>, …</summary>
    public string Id { get; }

    public string Name { get; }

    public long TotalBytes { get; }

    public long FreeBytes => freeBytes();

    /// <summary>Tiers are tiers of GPU memory: a worker on the processor serves none, whatever memory its host has.</summary>
    public long TierBytes => Kind == DeviceKind.Cpu ? 0 : TotalBytes;

    public static Device Find(IOptions<WorkerOptions> options) => options.Value.Provider switch
    {
        "cuda" => FindCuda(options.Value.DeviceIndex),
        "webgpu" => OnHost(DeviceKind.WebGpu, "webgpu", options.Value.DeviceIndex),
        _ => OnHost(DeviceKind.Cpu, "cpu", options.Value.DeviceIndex),
    };

    public static DeviceOptions ForPipeline(WorkerOptions options) => new()
    {
        Provider = options.Provider,
        DeviceId = options.Provider == "cpu" ? 0 : options.DeviceIndex,
        Threads = options.Threads,
    };

    public WorkerDevice Describe() => new()
    {
        Kind = Kind,
        Id = Id,
        Name = Name,
        MemoryTotalBytes = TotalBytes,
        MemoryFreeBytes = FreeBytes,
    };

    private static Device OnHost(DeviceKind kind, string word, int index) => new(
        kind,
        FormattableString.Invariant($"{Host}/{word}-{index}"),
        kind == DeviceKind.Cpu ? HostMemory.ProcessorName() : FormattableString.Invariant($"WebGPU adapter {index}"),
        HostMemory.TotalBytes(),
        HostMemory.AvailableBytes);

    private static Device FindCuda(int index)
    {
        var gpu = NvidiaSmi.Query(index);
        return new Device(DeviceKind.Cuda, gpu.Uuid, gpu.Name, gpu.TotalBytes, () => NvidiaSmi.Query(index).FreeBytes);
    }
}
