using System.Globalization;
using I2V.Inference.Native;

namespace I2V.Inference.Devices;

/// <summary>
/// An NVIDIA GPU, or one of its MIG instances, through the driver's management library. What an old driver or the device
/// does not have is null; only its memory must be readable.
/// </summary>
public sealed class NvmlProbe : IGpuProbe
{
    private readonly Nvml gpu;
    private readonly TimeProvider time;

    /// <summary>The GPU itself; of a MIG instance the one that it is part of, which alone has a temperature.</summary>
    private readonly nint card;

    internal NvmlProbe(Nvml gpu, TimeProvider time)
    {
        (this.gpu, this.time) = (gpu, time);
        var library = gpu.Library;
        var isPart = library.GetMigParent(gpu.Device, out var parent) == NvmlResult.Success && parent != 0 && parent != gpu.Device;
        card = isPart ? parent : gpu.Device;
        Facts = new GpuFacts
        {
            Provider = "cuda",
            Id = library.GetUuid(gpu.Device, out var uuid) == NvmlResult.Success
                ? uuid
                : throw new DeviceException(DeviceError.NoDriver, "The NVIDIA driver does not tell the GPU's uuid: it is too old."),
            Name = library.GetName(gpu.Device, out var name) == NvmlResult.Success || library.GetName(card, out name) == NvmlResult.Success ? name : "NVIDIA GPU",
            TotalBytes = ReadMemory(uuid).TotalBytes,
            ComputeCapability = library.GetComputeCapability(card, out var major, out var minor) == NvmlResult.Success
                ? string.Create(CultureInfo.InvariantCulture, $"{major}.{minor}")
                : null,
            DriverVersion = library.GetDriverVersion(out var driver) == NvmlResult.Success ? driver : null,
            CudaVersion = library.GetCudaVersion(out var cuda) == NvmlResult.Success
                ? string.Create(CultureInfo.InvariantCulture, $"{cuda / 1000}.{cuda % 1000 / 10}")
                : null,
            ParentId = isPart && library.GetUuid(card, out var whole) == NvmlResult.Success ? whole : null,
        };
    }

    public GpuFacts Facts { get; }

    /// <param name="uuid"><c>GPU-…</c> or <c>MIG-…</c>, in full.</param>
    /// <exception cref="DeviceException">There is no driver or no such GPU.</exception>
    public static NvmlProbe Open(string uuid, TimeProvider time) =>
        Nvml.TryOpen(uuid, out var reason) is { } gpu ? new NvmlProbe(gpu, time) : throw new DeviceException(DeviceError.NotFound, reason!);

    public GpuSample Read()
    {
        var library = gpu.Library;
        return new GpuSample
        {
            TakenAt = time.GetUtcNow(),
            Memory = ReadMemory(Facts.Id),
            UtilizationPercent = library.GetUtilization(gpu.Device, out var percent) == NvmlResult.Success ? percent : null,
            TemperatureCelsius = library.GetTemperatureV(card, out var celsius) == NvmlResult.Success || library.GetTemperature(card, out celsius) == NvmlResult.Success ? celsius : null,
            PowerWatts = library.GetPowerDraw(card, out var drawn) == NvmlResult.Success ? drawn / 1e3 : null,
            PowerLimitWatts = library.GetPowerLimit(card, out var limit) == NvmlResult.Success ? limit / 1e3 : null,
            Processes = ReadProcesses(),
        };
    }

    private GpuMemory ReadMemory(string uuid) => gpu.TryRead(out var memory) switch
    {
        NvmlResult.Success => memory!,
        NvmlResult.GpuIsLost => throw new DeviceException(
            DeviceError.Lost, $"The GPU {uuid} is lost: the driver reaches it no more, so it needs a reset or the machine a restart."),
        var result => throw new DeviceException(DeviceError.NoAnswer, $"The NVIDIA driver does not tell the memory of the GPU {uuid}: it answered {result}."),
    };

    /// <summary>A process with both kinds of context is told twice, with the same bytes.</summary>
    private List<GpuProcess>? ReadProcesses()
    {
        var compute = gpu.Library.GetProcesses(gpu.Device, graphics: false, out var computing);
        var graphics = gpu.Library.GetProcesses(gpu.Device, graphics: true, out var drawing);
        return compute == NvmlResult.Success || graphics == NvmlResult.Success
            ? [.. computing.Concat(drawing).GroupBy(process => process.Id).Select(same => same.MaxBy(process => process.UsedBytes ?? -1)!)]
            : null;
    }
}
