using System.Runtime.InteropServices;
using System.Text;
using I2V.Inference.Devices;

namespace I2V.Inference.Native;

/// <summary>The library itself: each function is looked for by itself, since drivers of ten years are in use.</summary>
internal sealed unsafe class NvmlLibrary : INvmlLibrary
{
    private const int TextBytes = 96;
    private const ulong NotAvailable = ulong.MaxValue;

    /// <summary>Each versioned structure begins with its size and its version.</summary>
    private const uint MemoryVersion = 40 | (2 << 24);
    private const uint TemperatureVersion = 12 | (1 << 24);

    private static readonly string FileName = OperatingSystem.IsWindows() ? "nvml.dll" : "libnvidia-ml.so.1";
    private static readonly Lock Gate = new();
    private static NvmlLibrary? opened;

    private readonly nint library;
    private readonly delegate* unmanaged<byte*, uint, int> driverVersion;
    private readonly delegate* unmanaged<int*, int> cudaVersion;
    private readonly delegate* unmanaged<uint*, int> count;
    private readonly delegate* unmanaged<uint, nint*, int> handleByIndex;
    private readonly delegate* unmanaged<byte*, nint*, int> handleByUuid;
    private readonly delegate* unmanaged<nint, uint*, uint*, int> migMode;
    private readonly delegate* unmanaged<nint, uint, nint*, int> migInstance;
    private readonly delegate* unmanaged<nint, nint*, int> migParent;
    private readonly delegate* unmanaged<nint, int*, int*, int> capability;
    private readonly delegate* unmanaged<nint, MemoryV2*, int> memoryV2;
    private readonly delegate* unmanaged<nint, ulong*, int> memory;
    private readonly delegate* unmanaged<nint, uint*, int> utilization;
    private readonly delegate* unmanaged<nint, Temperature*, int> temperatureV;
    private readonly delegate* unmanaged<nint, int, uint*, int> temperature;
    private readonly nint name;
    private readonly nint uuid;
    private readonly nint maxMigCount;
    private readonly nint powerDraw;
    private readonly nint powerLimit;
    private readonly nint computeProcesses;
    private readonly nint graphicsProcesses;

    private NvmlLibrary(nint library)
    {
        this.library = library;
        driverVersion = (delegate* unmanaged<byte*, uint, int>)Find("nvmlSystemGetDriverVersion");
        cudaVersion = (delegate* unmanaged<int*, int>)Find("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion");
        count = (delegate* unmanaged<uint*, int>)Find("nvmlDeviceGetCount_v2");
        handleByIndex = (delegate* unmanaged<uint, nint*, int>)Find("nvmlDeviceGetHandleByIndex_v2");
        handleByUuid = (delegate* unmanaged<byte*, nint*, int>)Find("nvmlDeviceGetHandleByUUID");
        migMode = (delegate* unmanaged<nint, uint*, uint*, int>)Find("nvmlDeviceGetMigMode");
        migInstance = (delegate* unmanaged<nint, uint, nint*, int>)Find("nvmlDeviceGetMigDeviceHandleByIndex");
        migParent = (delegate* unmanaged<nint, nint*, int>)Find("nvmlDeviceGetDeviceHandleFromMigDeviceHandle");
        capability = (delegate* unmanaged<nint, int*, int*, int>)Find("nvmlDeviceGetCudaComputeCapability");
        memoryV2 = (delegate* unmanaged<nint, MemoryV2*, int>)Find("nvmlDeviceGetMemoryInfo_v2");
        memory = (delegate* unmanaged<nint, ulong*, int>)Find("nvmlDeviceGetMemoryInfo");
        utilization = (delegate* unmanaged<nint, uint*, int>)Find("nvmlDeviceGetUtilizationRates");
        temperatureV = (delegate* unmanaged<nint, Temperature*, int>)Find("nvmlDeviceGetTemperatureV");
        temperature = (delegate* unmanaged<nint, int, uint*, int>)Find("nvmlDeviceGetTemperature");
        name = Find("nvmlDeviceGetName");
        uuid = Find("nvmlDeviceGetUUID");
        maxMigCount = Find("nvmlDeviceGetMaxMigDeviceCount");
        powerDraw = Find("nvmlDeviceGetPowerUsage");
        powerLimit = Find("nvmlDeviceGetEnforcedPowerLimit");
        // The second and third versions have one layout.
        computeProcesses = Find("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2");
        graphicsProcesses = Find("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2");
    }

    /// <summary>The process's one instance: the library is initialised once and stays.</summary>
    /// <param name="reason">When the result is null, one sentence that says why.</param>
    public static NvmlLibrary? TryOpen(out string? reason)
    {
        lock (Gate)
        {
            reason = null;
            return opened ??= TryOpen(FileName, out reason);
        }
    }

    internal static NvmlLibrary? TryOpen(string fileName, out string? reason)
    {
        if (!NativeLibrary.TryLoad(fileName, out var library))
        {
            reason = $"{fileName} was not found by the system's loader: there is no NVIDIA driver, or the container lacks its utility capability.";
            return null;
        }

        if (!NativeLibrary.TryGetExport(library, "nvmlInit_v2", out var init))
        {
            reason = $"{fileName} has no function nvmlInit_v2: the driver is too old.";
            return null;
        }

        var result = (NvmlResult)((delegate* unmanaged<int>)init)();
        reason = result switch
        {
            NvmlResult.Success => null,
            NvmlResult.DriverNotLoaded => "The NVIDIA driver's kernel module is not loaded.",
            NvmlResult.VersionMismatch => "The NVIDIA driver was updated while its old kernel module was running: restart the machine.",
            _ => FormattableString.Invariant($"{fileName} cannot be used: it answered {result}."),
        };
        return result == NvmlResult.Success ? new NvmlLibrary(library) : null;
    }

    public NvmlResult GetDriverVersion(out string version)
    {
        var buffer = stackalloc byte[TextBytes];
        var result = driverVersion == null ? NvmlResult.FunctionNotFound : (NvmlResult)driverVersion(buffer, TextBytes);
        version = Read(result, buffer);
        return result;
    }

    public NvmlResult GetCudaVersion(out int version)
    {
        int found = 0;
        var result = cudaVersion == null ? NvmlResult.FunctionNotFound : (NvmlResult)cudaVersion(&found);
        version = found;
        return result;
    }

    public NvmlResult GetCount(out int count)
    {
        uint found = 0;
        var result = this.count == null ? NvmlResult.FunctionNotFound : (NvmlResult)this.count(&found);
        count = (int)found;
        return result;
    }

    public NvmlResult GetHandle(int index, out nint device)
    {
        nint found = 0;
        var result = handleByIndex == null ? NvmlResult.FunctionNotFound : (NvmlResult)handleByIndex((uint)index, &found);
        device = found;
        return result;
    }

    public NvmlResult GetHandle(string uuid, out nint device)
    {
        nint found = 0;
        using var text = NativeString.Utf8(uuid);
        var result = handleByUuid == null ? NvmlResult.FunctionNotFound : (NvmlResult)handleByUuid(text.Pointer, &found);
        device = found;
        return result;
    }

    public NvmlResult GetMigMode(nint device, out bool enabled)
    {
        uint current = 0, pending;
        var result = migMode == null ? NvmlResult.FunctionNotFound : (NvmlResult)migMode(device, &current, &pending);
        enabled = current != 0;
        return result;
    }

    public NvmlResult GetMaxMigCount(nint device, out int count) => Number(maxMigCount, device, out count);

    public NvmlResult GetMigInstance(nint device, int place, out nint instance)
    {
        nint found = 0;
        var result = migInstance == null ? NvmlResult.FunctionNotFound : (NvmlResult)migInstance(device, (uint)place, &found);
        instance = found;
        return result;
    }

    public NvmlResult GetMigParent(nint instance, out nint device)
    {
        nint found = 0;
        var result = migParent == null ? NvmlResult.FunctionNotFound : (NvmlResult)migParent(instance, &found);
        device = found;
        return result;
    }

    public NvmlResult GetName(nint device, out string name) => Text(this.name, device, out name);

    public NvmlResult GetUuid(nint device, out string uuid) => Text(this.uuid, device, out uuid);

    public NvmlResult GetComputeCapability(nint device, out int major, out int minor)
    {
        int high = 0, low = 0;
        var result = capability == null ? NvmlResult.FunctionNotFound : (NvmlResult)capability(device, &high, &low);
        (major, minor) = (high, low);
        return result;
    }

    public NvmlResult GetMemoryV2(nint device, out NvmlMemory memory)
    {
        var found = new MemoryV2 { Version = MemoryVersion };
        var result = memoryV2 == null ? NvmlResult.FunctionNotFound : (NvmlResult)memoryV2(device, &found);
        memory = new NvmlMemory((long)found.Total, (long)found.Free, (long)found.Used);
        return result;
    }

    public NvmlResult GetMemory(nint device, out NvmlMemory memory)
    {
        var found = stackalloc ulong[3]; // nvmlMemory_t: total, free, used
        var result = this.memory == null ? NvmlResult.FunctionNotFound : (NvmlResult)this.memory(device, found);
        memory = new NvmlMemory((long)found[0], (long)found[1], (long)found[2]);
        return result;
    }

    public NvmlResult GetUtilization(nint device, out int percent)
    {
        var rates = stackalloc uint[2]; // nvmlUtilization_t: of the processors, of the memory bus
        var result = utilization == null ? NvmlResult.FunctionNotFound : (NvmlResult)utilization(device, rates);
        percent = (int)rates[0];
        return result;
    }

    public NvmlResult GetTemperatureV(nint device, out int celsius)
    {
        var found = new Temperature { Version = TemperatureVersion };
        var result = temperatureV == null ? NvmlResult.FunctionNotFound : (NvmlResult)temperatureV(device, &found);
        celsius = found.Celsius;
        return result;
    }

    public NvmlResult GetTemperature(nint device, out int celsius)
    {
        uint found = 0;
        var result = temperature == null ? NvmlResult.FunctionNotFound : (NvmlResult)temperature(device, 0, &found);
        celsius = (int)found;
        return result;
    }

    public NvmlResult GetPowerDraw(nint device, out int milliwatts) => Number(powerDraw, device, out milliwatts);

    public NvmlResult GetPowerLimit(nint device, out int milliwatts) => Number(powerLimit, device, out milliwatts);

    public NvmlResult GetProcesses(nint device, bool graphics, out IReadOnlyList<GpuProcess> processes)
    {
        var get = (delegate* unmanaged<nint, uint*, ProcessInfo*, int>)(graphics ? graphicsProcesses : computeProcesses);
        processes = [];
        var found = new ProcessInfo[64];
        while (get != null)
        {
            var number = (uint)found.Length;
            int result;
            fixed (ProcessInfo* first = found)
            {
                result = get(device, &number, first);
            }

            if (result == (int)NvmlResult.InsufficientSize && number > found.Length)
            {
                found = new ProcessInfo[number + 8]; // some may start meanwhile
                continue;
            }

            if (result == (int)NvmlResult.Success)
            {
                processes = [.. found.Take((int)number).Select(process => new GpuProcess((int)process.Id, process.UsedBytes == NotAvailable ? null : (long)process.UsedBytes))];
            }

            return (NvmlResult)result;
        }

        return NvmlResult.FunctionNotFound;
    }

    private static NvmlResult Text(nint function, nint device, out string text)
    {
        var buffer = stackalloc byte[TextBytes];
        var result = function == 0 ? NvmlResult.FunctionNotFound : (NvmlResult)((delegate* unmanaged<nint, byte*, uint, int>)function)(device, buffer, TextBytes);
        text = Read(result, buffer);
        return result;
    }

    private static NvmlResult Number(nint function, nint device, out int number)
    {
        uint found = 0;
        var result = function == 0 ? NvmlResult.FunctionNotFound : (NvmlResult)((delegate* unmanaged<nint, uint*, int>)function)(device, &found);
        number = (int)found;
        return result;
    }

    private static string Read(NvmlResult result, byte* text) =>
        result == NvmlResult.Success ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text)) : "";

    /// <returns>The first of these functions that there is, or 0.</returns>
    private nint Find(params ReadOnlySpan<string> names)
    {
        foreach (var candidate in names)
        {
            if (NativeLibrary.TryGetExport(library, candidate, out var export))
            {
                return export;
            }
        }

        return 0;
    }

    /// <summary><c>nvmlMemory_v2_t</c>, 40 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryV2
    {
        public uint Version;
        public ulong Total;
        public ulong Reserved;
        public ulong Free;
        public ulong Used;
    }

    /// <summary><c>nvmlTemperature_v1_t</c>, 12 bytes; sensor 0 is the GPU's.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Temperature
    {
        public uint Version;
        public int Sensor;
        public int Celsius;
    }

    /// <summary><c>nvmlProcessInfo_t</c> of the second and third versions, 24 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ProcessInfo
    {
        public uint Id;
        public ulong UsedBytes;
        public uint GpuInstanceId;
        public uint ComputeInstanceId;
    }
}
