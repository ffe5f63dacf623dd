using I2V.Inference.Devices;

namespace I2V.Inference.Planning;

/// <summary>Bytes that a plan may take.</summary>
/// <param name="DeviceBytes">Of the device, by the whole process: <paramref name="UsableBytes"/> less the margin, at least 0.</param>
/// <param name="UsableBytes">What is free for anybody and what this process holds already: the envelope goes by these.</param>
/// <param name="HostBytes">Of the host, for weights that are not on the device; at least 0.</param>
public readonly record struct Budget(long DeviceBytes, long UsableBytes, long HostBytes)
{
    /// <summary>
    /// Never planned on a GPU: 320 MiB (0.34 GB). A card of X GB then ends at or below X · 2³⁰ bytes − 0.3 GB by the driver's
    /// count, and what the driver or a desktop takes meanwhile does not end a job.
    /// </summary>
    public const long GpuMarginBytes = 320L << 20;

    /// <summary>On the processor this part of all memory (one sixteenth) is never planned: the runtime, the encoder and the system live there too.</summary>
    public const int ProcessorMarginDivisor = 16;

    /// <summary>Host memory that weights never take: 1 GiB.</summary>
    public const long HostMarginBytes = 1L << 30;

    public static Budget Of(DeviceSnapshot device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var usable = device.FreeBytes + device.HeldBytes;
        return new Budget(Math.Max(0, usable - MarginOf(device)), usable, Math.Max(0, device.HostFreeBytes - HostMarginBytes));
    }

    /// <summary>What <see cref="DeviceBytes"/> leaves alone.</summary>
    public static long MarginOf(DeviceSnapshot device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.Provider == "cpu" ? device.TotalBytes / ProcessorMarginDivisor : GpuMarginBytes;
    }
}
