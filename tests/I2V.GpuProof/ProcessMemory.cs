using System.Text.Json.Nodes;
using I2V.Inference.Devices;
using I2V.Inference.Native;

namespace I2V.GpuProof;

/// <summary>Bytes of the device that the whole process holds: context, libraries, weights, tensors.</summary>
internal sealed class ProcessMemory
{
    private readonly Nvml? nvml;

    /// <summary>Made before anything of CUDA is touched: what is in use on the device now belongs to others.</summary>
    public ProcessMemory()
    {
        nvml = Nvml.TryOpenIndex(0, out var reason);
        if (nvml is null)
        {
            Console.WriteLine($"no NVML: {reason}");
        }

        Before = nvml?.Read()?.UsedBytes ?? 0;
    }

    public Nvml Nvml => nvml ?? throw new InvalidOperationException("There is no NVML to count with.");

    /// <summary>In use by others.</summary>
    public long Before { get; }

    public long? Bytes => nvml?.Read()?.UsedBytes - Before;

    /// <summary>As the planner sees the device now.</summary>
    public DeviceSnapshot Snapshot(string provider)
    {
        var reading = Nvml.Read() ?? throw new InvalidOperationException("NVML does not answer.");
        var own = DeviceMemory.Current?.Use.CommittedBytes;
        var held = reading.UsedBytes - Before;
        return new DeviceSnapshot
        {
            Provider = provider,
            Id = Nvml.Uuid,
            Name = Nvml.Name,
            TotalBytes = reading.TotalBytes,
            FreeBytes = reading.FreeBytes,
            HeldBytes = own is null ? 0 : held,
            OverheadBytes = own is null ? Snapshots.ExpectedCudaOverheadBytes : Math.Max(held - own.Value, Snapshots.ExpectedCudaOverheadBytes),
            HostFreeBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
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
