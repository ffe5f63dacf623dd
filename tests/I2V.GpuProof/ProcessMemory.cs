using System.Text.Json.Nodes;
using I2V.Inference.Devices;
using I2V.Inference.Native;

namespace I2V.GpuProof;

/// <summary>
/// Bytes of the device that the whole process holds: context, libraries, weights, tensors. On the processor those of the
/// host, of which a part can be all that there is.
/// </summary>
internal sealed class ProcessMemory
{
    private readonly SystemMemory host = new();
    private readonly string provider;
    private readonly Nvml? nvml;
    private readonly HostProbe? processor;

    /// <summary>Made before anything of CUDA is touched: what is in use on the device now belongs to others.</summary>
    /// <param name="provider">Where it will run.</param>
    /// <param name="limitBytes">On the processor, the most that this process is to use; null for all.</param>
    public ProcessMemory(string provider, long? limitBytes = null)
    {
        this.provider = provider;
        if (provider == "cpu")
        {
            processor = new HostProbe("cpu", "cpu-0", host.ProcessorName, host, limitBytes, TimeProvider.System);
            return;
        }

        nvml = Nvml.TryOpenIndex(0, out var reason);
        if (nvml is null)
        {
            Console.WriteLine($"no NVML: {reason}");
        }

        Others = nvml?.Read()?.UsedBytes ?? 0;
    }

    /// <summary>In use by others.</summary>
    public long Others { get; private set; }

    /// <summary>Null where nobody counts.</summary>
    public long? Bytes => processor is null ? nvml?.Read()?.UsedBytes - Others : host.ProcessBytes;

    /// <summary>Free for anybody; null where nobody counts.</summary>
    public long? FreeBytes => processor is null ? nvml?.Read()?.FreeBytes : processor.Read().Memory.FreeBytes;

    /// <summary>Lets others take more, or give back, while this process takes nothing.</summary>
    public void WhileOthersTake(Action take)
    {
        var own = Bytes ?? 0;
        take();
        Others += (Bytes ?? 0) - own;
    }

    /// <summary>As the planner sees the device now.</summary>
    public DeviceSnapshot Snapshot()
    {
        if (processor is not null)
        {
            return Snapshots.Of(processor.Facts, processor.Read(), null, host.AvailableBytes, warmedUp: true);
        }

        var (device, reading) = (nvml, nvml?.Read()) is ({ } found, { } read) ? (found, read) : throw new InvalidOperationException("NVML does not answer.");
        var own = DeviceMemory.Current?.Use.CommittedBytes;
        var held = reading.UsedBytes - Others;
        return new DeviceSnapshot
        {
            Provider = provider,
            Id = device.Uuid,
            Name = device.Name,
            TotalBytes = reading.TotalBytes,
            FreeBytes = reading.FreeBytes,
            HeldBytes = own is null ? 0 : held,
            OverheadBytes = own is null ? Snapshots.ExpectedCudaOverheadBytes : Math.Max(held - own.Value, Snapshots.ExpectedCudaOverheadBytes),
            HostFreeBytes = host.AvailableBytes,
        };
    }

    /// <summary>Whole process, and what our allocator counts of it; the peak of the latter since it was last reset.</summary>
    public JsonObject Read()
    {
        var own = DeviceMemory.Current;
        var peak = own?.PhasePeaks.Values.MaxBy(found => found.CommittedBytes);
        return new JsonObject
        {
            ["process_bytes"] = Bytes,
            ["weight_bytes"] = own?.Use.WeightBytes,
            ["live_peak_bytes"] = peak?.LiveBytes,
            ["committed_peak_bytes"] = peak?.CommittedBytes,
        };
    }

    /// <summary>Idle memory back to the driver, and no peak remembered.</summary>
    public static void Forget()
    {
        DeviceMemory.Current?.Trim();
        DeviceMemory.Current?.ResetPeaks();
    }
}
