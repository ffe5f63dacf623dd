using I2V.Inference.Devices;

namespace I2V.Inference.Native;

/// <summary>
/// One GPU, or one MIG instance, through NVIDIA's management library, by which the driver counts memory of whole processes.
/// Thread-safe.
/// </summary>
public sealed class Nvml
{
    internal Nvml(INvmlLibrary library, nint device) => (Library, Device) = (library, device);

    /// <summary><c>GPU-…</c> or <c>MIG-…</c>; empty where the driver does not tell.</summary>
    public string Uuid => Library.GetUuid(Device, out var uuid) == NvmlResult.Success ? uuid : "";

    /// <summary>Such as <c>NVIDIA L4</c>; empty where the driver does not tell.</summary>
    public string Name => Library.GetName(Device, out var name) == NvmlResult.Success ? name : "";

    internal INvmlLibrary Library { get; }

    internal nint Device { get; }

    /// <param name="uuid">The GPU's, <c>GPU-…</c>, or a MIG instance's, <c>MIG-…</c>: NVML's own order differs from CUDA's.</param>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    /// <returns>Null where there is no library or no such GPU.</returns>
    public static Nvml? TryOpen(string uuid, out string? reason)
    {
        var library = NvmlLibrary.TryOpen(out reason);
        return library is null ? null : TryOpen(library, uuid, out reason);
    }

    /// <summary>The GPU that NVML, and nvidia-smi, calls <paramref name="index"/>.</summary>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    public static Nvml? TryOpenIndex(int index, out string? reason)
    {
        var library = NvmlLibrary.TryOpen(out reason);
        return library is null
            ? null
            : Found(library, library.GetHandle(index, out var device), device, FormattableString.Invariant($"number {index}"), out reason);
    }

    /// <summary>The GPU that CUDA calls <paramref name="cudaDeviceId"/>, after <c>CUDA_VISIBLE_DEVICES</c>; makes the process's context on it.</summary>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    public static Nvml? TryOpenCuda(int cudaDeviceId, out string? reason)
    {
        try
        {
            // CUDA tells a uuid without its kind.
            var uuid = CudaDriver.Open(cudaDeviceId).Uuid;
            return TryOpen(uuid.Replace("GPU-", "MIG-", StringComparison.Ordinal), out _) is { } instance
                ? Without(out reason, instance)
                : TryOpen(uuid, out reason);
        }
        catch (Exception error) when (error is Pipelines.GenerationException or CudaException)
        {
            reason = error.Message;
            return null;
        }
    }

    /// <summary>Memory only, in well under a millisecond: for those who ask often.</summary>
    /// <returns>Null when the driver does not answer, as after the GPU was lost.</returns>
    public GpuMemory? Read() => TryRead(out var memory) == NvmlResult.Success ? memory : null;

    internal static Nvml? TryOpen(INvmlLibrary library, string uuid, out string? reason) =>
        Found(library, library.GetHandle(uuid, out var device), device, uuid, out reason);

    internal NvmlResult TryRead(out GpuMemory? memory)
    {
        // The new form counts apart what the driver keeps for itself.
        var result = Library.GetMemoryV2(Device, out var found);
        result = result is NvmlResult.Success or NvmlResult.GpuIsLost ? result : Library.GetMemory(Device, out found);
        memory = result == NvmlResult.Success ? new GpuMemory(found.Total, found.Free, found.Used, OfThisProcess()) : null;
        return result;
    }

    private long? OfThisProcess()
    {
        if (Library.GetProcesses(Device, graphics: false, out var processes) != NvmlResult.Success)
        {
            return null;
        }

        var own = processes.Where(process => process.Id == Environment.ProcessId && process.UsedBytes is not null).ToList();
        return own.Count > 0 ? own.Sum(process => process.UsedBytes) : null;
    }

    private static Nvml Without(out string? reason, Nvml found)
    {
        reason = null;
        return found;
    }

    private static Nvml? Found(INvmlLibrary library, NvmlResult result, nint device, string which, out string? reason)
    {
        reason = result == NvmlResult.Success ? null : $"NVML has no GPU {which}: it answered {result}.";
        return result == NvmlResult.Success ? new Nvml(library, device) : null;
    }
}
