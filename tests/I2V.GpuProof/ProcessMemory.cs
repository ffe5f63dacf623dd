using System.Text.Json.Nodes;
using I2V.Inference.Native;

namespace I2V.GpuProof;

/// <summary>Bytes of the device that the whole process holds: context, libraries, weights, tensors.</summary>
internal sealed class ProcessMemory
{
    private readonly Nvml? nvml;
    private readonly long before;

    /// <summary>Made before anything of CUDA is touched: what is in use on the device now belongs to others.</summary>
    public ProcessMemory()
    {
        nvml = Nvml.TryOpenIndex(0, out var reason);
        if (nvml is null)
        {
            Console.WriteLine($"no NVML: {reason}");
        }

        before = nvml?.Read()?.UsedBytes ?? 0;
    }

    public long? Bytes => nvml?.Read()?.UsedBytes - before;

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
