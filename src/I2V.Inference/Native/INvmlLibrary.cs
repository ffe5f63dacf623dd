using I2V.Inference.Devices;

namespace I2V.Inference.Native;

/// <summary>What NVML answers, as far as answers are told apart here; any other number is a failure without a name.</summary>
internal enum NvmlResult
{
    Success = 0,
    Uninitialized = 1,
    InvalidArgument = 2,
    NotSupported = 3,
    NoPermission = 4,
    NotFound = 6,
    InsufficientSize = 7,
    DriverNotLoaded = 9,

    /// <summary>This version of the library has no such function.</summary>
    FunctionNotFound = 13,

    /// <summary>The GPU fell off the bus or needs a reset.</summary>
    GpuIsLost = 15,

    /// <summary>The library is of another version than the driver's kernel module, as after an update without a restart.</summary>
    VersionMismatch = 18,
    Unknown = 999,
}

/// <summary>Bytes of a device. <paramref name="Used"/> holds what the driver keeps for itself in the old form only.</summary>
internal readonly record struct NvmlMemory(long Total, long Free, long Used);

/// <summary>
/// The functions of NVIDIA's management library that are used here, one method each: a function that the library lacks
/// answers <see cref="NvmlResult.FunctionNotFound"/>. Handles are of GPUs and of MIG instances alike. Thread-safe.
/// </summary>
internal interface INvmlLibrary
{
    NvmlResult GetDriverVersion(out string version);

    /// <param name="version">1000 × major + 10 × minor.</param>
    NvmlResult GetCudaVersion(out int version);

    NvmlResult GetCount(out int count);

    /// <param name="index">In the order of the PCI bus, as nvidia-smi shows it.</param>
    NvmlResult GetHandle(int index, out nint device);

    NvmlResult GetHandle(string uuid, out nint device);

    NvmlResult GetMigMode(nint device, out bool enabled);

    /// <param name="count">Places for MIG instances, taken or not.</param>
    NvmlResult GetMaxMigCount(nint device, out int count);

    /// <returns><see cref="NvmlResult.NotFound"/> for a place without an instance.</returns>
    NvmlResult GetMigInstance(nint device, int place, out nint instance);

    /// <summary>The GPU that a MIG instance is part of.</summary>
    NvmlResult GetMigParent(nint instance, out nint device);

    NvmlResult GetName(nint device, out string name);

    NvmlResult GetUuid(nint device, out string uuid);

    NvmlResult GetComputeCapability(nint device, out int major, out int minor);

    /// <summary>The form that counts what the driver keeps for itself apart.</summary>
    NvmlResult GetMemoryV2(nint device, out NvmlMemory memory);

    NvmlResult GetMemory(nint device, out NvmlMemory memory);

    NvmlResult GetUtilization(nint device, out int percent);

    /// <summary>The form of newer drivers; older ones have <see cref="GetTemperature"/>.</summary>
    NvmlResult GetTemperatureV(nint device, out int celsius);

    NvmlResult GetTemperature(nint device, out int celsius);

    NvmlResult GetPowerDraw(nint device, out int milliwatts);

    NvmlResult GetPowerLimit(nint device, out int milliwatts);

    /// <summary>Processes with a CUDA context, or with a graphics one such as Vulkan's.</summary>
    NvmlResult GetProcesses(nint device, bool graphics, out IReadOnlyList<GpuProcess> processes);
}
