using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace I2V.Inference.Native;

/// <summary>
/// The CUDA driver's own interface (<c>libcuda</c>), as far as memory, identity and health of one device need it. It is
/// there wherever a driver is, and shares its context with the runtime library that ONNX Runtime uses.
/// </summary>
internal sealed unsafe class CudaDriver
{
    private const int Success = 0;
    private const int VirtualMemorySupported = 102;

    private static readonly string FileName = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    private static readonly ConcurrentDictionary<int, CudaDriver> Opened = new();

    private readonly nint library;
    private readonly int device;
    private readonly nint context;
    private readonly Lazy<CudaStream> computeStream;

    private CudaDriver(nint library, int deviceId)
    {
        this.library = library;
        Check(((delegate* unmanaged<uint, int>)Export("cuInit"))(0), "cuInit");
        int found;
        Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&found, deviceId), "cuDeviceGet");
        device = found;
        nint primary;
        Check(((delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain"))(&primary, device), "cuDevicePrimaryCtxRetain");
        context = primary;
        computeStream = new Lazy<CudaStream>(() => new CudaStream(this));
    }

    /// <summary>A stream for all sessions that are asked to share one; it lives as long as the process.</summary>
    /// <exception cref="CudaException">The driver gives none.</exception>
    public CudaStream ComputeStream => computeStream.Value;

    /// <summary>The driver's number of the device, for location fields.</summary>
    public int Device => device;

    /// <summary>Whether addresses can be reserved apart from memory.</summary>
    public bool HasVirtualMemory
    {
        get
        {
            int supported;
            Check(((delegate* unmanaged<int*, int, int, int>)Export("cuDeviceGetAttribute"))(&supported, VirtualMemorySupported, device), "cuDeviceGetAttribute");
            return supported != 0;
        }
    }

    public long TotalBytes
    {
        get
        {
            nuint bytes;
            Check(((delegate* unmanaged<nuint*, int, int>)Export("cuDeviceTotalMem_v2"))(&bytes, device), "cuDeviceTotalMem");
            return (long)bytes;
        }
    }

    /// <summary>As NVML writes it: <c>GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx</c>.</summary>
    public string Uuid
    {
        get
        {
            var bytes = stackalloc byte[16];
            Check(((delegate* unmanaged<byte*, int, int>)Export("cuDeviceGetUuid_v2"))(bytes, device), "cuDeviceGetUuid");
            return $"GPU-{new Guid(new ReadOnlySpan<byte>(bytes, 16), bigEndian: true):D}";
        }
    }

    /// <summary>Free bytes of the device, whoever else uses it.</summary>
    public long FreeBytes
    {
        get
        {
            nuint free, total;
            TryEnter();
            Check(((delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2"))(&free, &total), "cuMemGetInfo");
            return (long)free;
        }
    }

    /// <param name="deviceId">CUDA's number of the device, after <c>CUDA_VISIBLE_DEVICES</c>.</param>
    /// <exception cref="Pipelines.GenerationException">There is no driver or no such device.</exception>
    public static CudaDriver Open(int deviceId) => Opened.GetOrAdd(deviceId, Find);

    /// <summary>The name of the error that a device's context holds, which makes every later call of the process fail; null when it is well or there is no driver.</summary>
    public static string? StuckError(int deviceId)
    {
        try
        {
            return Open(deviceId).Synchronize();
        }
        catch (CudaException error)
        {
            return error.Message;
        }
        catch (Pipelines.GenerationException)
        {
            return null;
        }
    }

    private static CudaDriver Find(int deviceId)
    {
        if (!NativeLibrary.TryLoad(FileName, out var library))
        {
            throw NativeLibraryLocation.Missing($"The provider cuda is missing its driver: {FileName} was not found by the system's loader; install the NVIDIA driver.");
        }

        try
        {
            return new CudaDriver(library, deviceId);
        }
        catch (CudaException error)
        {
            throw NativeLibraryLocation.Missing($"CUDA device {deviceId} cannot be used: {error.Message}", error);
        }
        catch (EntryPointNotFoundException error)
        {
            throw NativeLibraryLocation.Missing($"The NVIDIA driver is too old for CUDA device {deviceId}: {error.Message}", error);
        }
    }

    /// <summary>Waits until the device has done all that this process asked of it.</summary>
    /// <returns>Null, or the name of the error that the context holds: one that stays makes every later call fail.</returns>
    public string? Synchronize()
    {
        TryEnter();
        var result = ((delegate* unmanaged<int>)Export("cuCtxSynchronize"))();
        return result == Success ? null : ErrorName(result);
    }

    /// <summary>Makes the device's context the calling thread's, when it has none. False when the driver refuses.</summary>
    public bool TryEnter()
    {
        nint found;
        var result = ((delegate* unmanaged<nint*, int>)Export("cuCtxGetCurrent"))(&found);
        return result == Success && (found != 0 || ((delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent"))(context) == Success);
    }

    public nint Export(string name) => NativeLibrary.GetExport(library, name);

    /// <exception cref="CudaException">The call failed.</exception>
    public void Check(int result, string call)
    {
        if (result != Success)
        {
            throw new CudaException(call, result, ErrorName(result));
        }
    }

    private string ErrorName(int result)
    {
        byte* text;
        return ((delegate* unmanaged<int, byte**, int>)Export("cuGetErrorName"))(result, &text) == Success
            ? Encoding.ASCII.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text))
            : FormattableString.Invariant($"error {result}");
    }
}

/// <summary>A call of the CUDA driver that failed.</summary>
internal sealed class CudaException(string call, int code, string name) : Exception($"{call} failed with {name} ({code}).")
{
    /// <summary>The driver's <c>CUresult</c>.</summary>
    public int Code { get; } = code;
}
