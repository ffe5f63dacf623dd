using I2V.Inference.Devices;
using I2V.Inference.Pipelines;
using I2V.Protocol.Workers;

namespace I2V.Worker.Devices;

/// <summary>The one device of this process. What it tells is a second old at most, and telling never waits for the driver.</summary>
internal sealed class Device : IDisposable
{
    private readonly SampledProbe probe;
    private readonly SystemMemory host;

    /// <exception cref="DeviceException">The device does not answer.</exception>
    public Device(DeviceKind kind, IGpuProbe probe, SystemMemory host, TimeProvider time)
    {
        Kind = kind;
        this.probe = new SampledProbe(probe, time);
        this.host = host;
    }

    public static string Host { get; } = Environment.MachineName;

    public DeviceKind Kind { get; }

    /// <summary>GPU uuid, or <c>HOST/cpu-0</c>, <c>HOST/cpu-1</c>, …</summary>
    public string Id => probe.Facts.Id;

    public string Name => probe.Facts.Name;

    public long TotalBytes => probe.Facts.TotalBytes;

    public long FreeBytes => probe.Latest.Memory.FreeBytes;

    /// <summary>Of the host, where released and streamed weights lie.</summary>
    public long HostFreeBytes => host.AvailableBytes;

    /// <summary>Tiers are tiers of GPU memory: a worker on the processor serves none, whatever memory its host has.</summary>
    public long TierBytes => Kind == DeviceKind.Cpu ? 0 : TotalBytes;

    /// <summary>Completes with one sentence once the device is lost.</summary>
    public Task<string> Lost => probe.Lost;

    /// <summary>For heartbeats. Only NVIDIA's driver tells them.</summary>
    public DeviceVitals Vitals => Kind == DeviceKind.Cuda ? new(probe.Latest.Memory.UsedBytes, probe.Latest.TemperatureCelsius) : default;

    /// <exception cref="DeviceException">There is no such device.</exception>
    public static Device Find(WorkerOptions options, TimeProvider time)
    {
        var host = new SystemMemory();
        return options.Provider switch
        {
            "cuda" => new Device(DeviceKind.Cuda, GpuSelection.Select(Named(options.Gpu), options.DeviceIndex, time), host, time),
            "webgpu" => OnHost(DeviceKind.WebGpu, FormattableString.Invariant($"WebGPU adapter {options.DeviceIndex}"), options, host, time),
            _ => OnHost(DeviceKind.Cpu, host.ProcessorName, options, host, time),
        };
    }

    /// <summary>After <see cref="Find"/>, which leaves CUDA one GPU.</summary>
    public static DeviceOptions ForPipeline(WorkerOptions options) => new()
    {
        Provider = options.Provider,
        DeviceId = options.Provider == "webgpu" ? options.DeviceIndex : 0,
        Threads = options.Threads,
    };

    /// <summary>Asks the device now, for a plan.</summary>
    /// <param name="warmedUp">True once this process has run a model on it.</param>
    /// <exception cref="DeviceException">The device is lost, or did not answer this time.</exception>
    public DeviceSnapshot Snapshot(bool warmedUp) => Snapshots.Now(probe, host, warmedUp);

    public WorkerDevice Describe() => new()
    {
        Kind = Kind,
        Id = Id,
        Name = Name,
        MemoryTotalBytes = TotalBytes,
        MemoryFreeBytes = FreeBytes,
    };

    public void Dispose() => probe.Dispose();

    private static Device OnHost(DeviceKind kind, string name, WorkerOptions options, SystemMemory host, TimeProvider time)
    {
        var id = FormattableString.Invariant($"{Host}/{options.Provider}-{options.DeviceIndex}");
        return new Device(kind, new HostProbe(options.Provider, id, name, host, ByteSize.TryParse(options.MemoryLimit), time), host, time);
    }

    private static string? Named(string? gpu) => string.IsNullOrWhiteSpace(gpu) ? null : gpu.Trim();
}

/// <param name="VramUsedBytes">Of the whole device, by all processes; null where nobody tells.</param>
/// <param name="TemperatureCelsius">Null where nobody tells.</param>
internal readonly record struct DeviceVitals(long? VramUsedBytes, int? TemperatureCelsius);
