using I2V.Inference.Native;

namespace I2V.Inference.Devices;

/// <summary>Makes the snapshot that a plan depends on from what a device tells and what this process holds of it.</summary>
public static class Snapshots
{
    /// <summary>
    /// What a process holds of a CUDA device besides tensors: context, code of the runtime's kernels, cuBLAS and cuDNN.
    /// Measured on an H200 with CUDA 13 after a first run; expected wherever it cannot be measured yet.
    /// </summary>
    public const long ExpectedCudaOverheadBytes = 650_000_000;

    /// <summary>Asks the device now.</summary>
    /// <param name="host">Where released weights lie.</param>
    /// <param name="warmedUp">See <see cref="Of"/>.</param>
    /// <exception cref="DeviceException">The device is lost, or did not answer this time.</exception>
    public static DeviceSnapshot Now(IGpuProbe probe, SystemMemory host, bool warmedUp) => Now(probe, host, DeviceMemory.Current, warmedUp);

    internal static DeviceSnapshot Now(IGpuProbe probe, SystemMemory host, DeviceMemory? own, bool warmedUp) =>
        Of(probe.Facts, probe.Read(), own?.Use.CommittedBytes, host.AvailableBytes, warmedUp);

    /// <summary>The same of answers that are there already.</summary>
    /// <param name="committedBytes">What our allocator has taken from the driver; null before there is a context.</param>
    /// <param name="hostFreeBytes">Free memory of the host.</param>
    /// <param name="warmedUp">
    /// True once this process has run a model: libraries load their code with the first run, so what is held besides
    /// tensors before it says too little, and the expectation counts as long as it is more.
    /// </param>
    public static DeviceSnapshot Of(GpuFacts facts, GpuSample sample, long? committedBytes, long hostFreeBytes, bool warmedUp)
    {
        var (held, overhead) = facts.Provider == "cuda" ? OnCuda(sample, committedBytes, warmedUp) : (sample.Memory.ProcessBytes ?? 0, 0);
        return new DeviceSnapshot
        {
            Provider = facts.Provider,
            Id = facts.Id,
            Name = facts.Name,
            ComputeCapability = facts.ComputeCapability,
            TotalBytes = facts.TotalBytes,
            FreeBytes = sample.Memory.FreeBytes,
            HeldBytes = held,
            OverheadBytes = overhead,
            HostFreeBytes = hostFreeBytes,
        };
    }

    private static (long Held, long Overhead) OnCuda(GpuSample sample, long? committedBytes, bool warmedUp)
    {
        if (committedBytes is not { } committed)
        {
            return (sample.Memory.ProcessBytes ?? 0, ExpectedCudaOverheadBytes);
        }

        if (OfThisProcess(sample, committed) is not { } held)
        {
            return (committed + ExpectedCudaOverheadBytes, ExpectedCudaOverheadBytes);
        }

        var measured = held - committed;
        return (held, warmedUp ? measured : Math.Max(measured, ExpectedCudaOverheadBytes));
    }

    /// <summary>
    /// Inside a container the driver's numbers of processes are the host's. A process that is alone on the device is this
    /// one whatever its number, since it has a context there; and one with our number but less than we hold is another.
    /// </summary>
    private static long? OfThisProcess(GpuSample sample, long committed)
    {
        var alone = sample.Processes is [var only] ? only.UsedBytes : null;
        return (sample.Memory.ProcessBytes ?? alone) is { } held && held >= committed ? held : null;
    }
}
