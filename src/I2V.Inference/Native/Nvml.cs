using System.Runtime.InteropServices;
using System.Text;

namespace I2V.Inference.Native;

/// <summary>What the driver says about a GPU at one moment.</summary>
/// <param name="Name">Such as <c>NVIDIA L4</c>.</param>
/// <param name="Uuid">Such as <c>GPU-6f3c…</c>.</param>
/// <param name="TotalBytes">Of the device.</param>
/// <param name="FreeBytes">Of the device.</param>
/// <param name="UsedBytes">Of the device, by all processes and the driver.</param>
/// <param name="ProcessBytes">
/// Of this process with its context, code and libraries. Null where the driver does not tell: it counts processes by the
/// host's numbers, so inside a container this one may not be found.
/// </param>
public sealed record GpuReading(string Name, string Uuid, long TotalBytes, long FreeBytes, long UsedBytes, long? ProcessBytes);

/// <summary>NVIDIA's management library, through which the driver counts memory of whole processes. Thread-safe.</summary>
public sealed unsafe class Nvml
{
    private const int Success = 0;
    private const int InsufficientSize = 7;
    private const int TextBytes = 96;
    private const ulong NotAvailable = ulong.MaxValue;

    private static readonly string FileName = OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";

    private readonly nint library;
    private readonly nint device;

    private Nvml(nint library, nint device) => (this.library, this.device) = (library, device);

    /// <param name="uuid">The GPU's: NVML's own order differs from CUDA's.</param>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    /// <returns>Null where there is no library or no such GPU.</returns>
    public static Nvml? TryOpen(string uuid, out string? reason) =>
        TryOpen(FileName, "nvmlDeviceGetHandleByUUID", uuid, (find, found) =>
        {
            using var text = NativeString.Utf8(uuid);
            return ((delegate* unmanaged<byte*, nint*, int>)find)(text.Pointer, (nint*)found);
        }, out reason);

    /// <summary>The GPU that CUDA calls <paramref name="cudaDeviceId"/>, after <c>CUDA_VISIBLE_DEVICES</c>; makes the process's context on it.</summary>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    public static Nvml? TryOpenCuda(int cudaDeviceId, out string? reason)
    {
        try
        {
            return TryOpen(CudaDriver.Open(cudaDeviceId).Uuid, out reason);
        }
        catch (Exception error) when (error is Pipelines.GenerationException or CudaException)
        {
            reason = error.Message;
            return null;
        }
    }

    /// <summary>The GPU that NVML, and nvidia-smi, calls <paramref name="index"/>.</summary>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    public static Nvml? TryOpenIndex(int index, out string? reason) =>
        TryOpen(FileName, "nvmlDeviceGetHandleByIndex_v2", FormattableString.Invariant($"number {index}"), (find, found) =>
            ((delegate* unmanaged<uint, nint*, int>)find)((uint)index, (nint*)found), out reason);

    /// <returns>Null when the driver does not answer, as after the GPU was lost.</returns>
    public GpuReading? Read()
    {
        var memory = stackalloc ulong[3]; // nvmlMemory_t: total, free, used
        return TryExport("nvmlDeviceGetMemoryInfo", out var get) && ((delegate* unmanaged<nint, ulong*, int>)get)(device, memory) == Success
            ? new GpuReading(Text("nvmlDeviceGetName"), Text("nvmlDeviceGetUUID"), (long)memory[0], (long)memory[1], (long)memory[2], OfProcess(Environment.ProcessId))
            : null;
    }

    internal static Nvml? TryOpen(string fileName, string finder, string which, Func<nint, nint, int> find, out string? reason)
    {
        if (!NativeLibrary.TryLoad(fileName, out var library))
        {
            reason = $"{fileName} was not found by the system's loader: there is no NVIDIA driver, or the container lacks its utility capability.";
            return null;
        }

        if (!NativeLibrary.TryGetExport(library, "nvmlInit_v2", out var init) || !NativeLibrary.TryGetExport(library, finder, out var finding))
        {
            reason = $"{fileName} has no function {finder}: the driver is too old.";
            return null;
        }

        nint device = 0;
        var result = ((delegate* unmanaged<int>)init)();
        result = result == Success ? find(finding, (nint)(&device)) : result;
        reason = result == Success ? null : FormattableString.Invariant($"NVML has no GPU {which}: it answered {result}.");
        return result == Success ? new Nvml(library, device) : null;
    }

    private long? OfProcess(int id)
    {
        if (!TryExport("nvmlDeviceGetComputeRunningProcesses_v3", out var get))
        {
            return null;
        }

        var processes = new ProcessInfo[64];
        for (; ; )
        {
            var count = (uint)processes.Length;
            int result;
            fixed (ProcessInfo* first = processes)
            {
                result = ((delegate* unmanaged<nint, uint*, ProcessInfo*, int>)get)(device, &count, first);
            }

            if (result == InsufficientSize && count > processes.Length)
            {
                processes = new ProcessInfo[count + 8];
                continue;
            }

            var own = result == Success ? processes.Take((int)count).Where(process => process.Id == id && process.UsedBytes != NotAvailable).ToList() : [];
            return own.Count > 0 ? own.Sum(process => (long)process.UsedBytes) : null;
        }
    }

    private string Text(string getter)
    {
        var buffer = stackalloc byte[TextBytes];
        return TryExport(getter, out var get) && ((delegate* unmanaged<nint, byte*, uint, int>)get)(device, buffer, TextBytes) == Success
            ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(buffer))
            : "";
    }

    private bool TryExport(string name, out nint export) => NativeLibrary.TryGetExport(library, name, out export);

    /// <summary><c>nvmlProcessInfo_t</c> of the v3 calls.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ProcessInfo
    {
        public uint Id;
        public ulong UsedBytes;
        public uint GpuInstanceId;
        public uint ComputeInstanceId;
    }
}
