namespace I2V.Inference.Devices;

/// <summary>What stays the same as long as the process lives. For the processor and WebGPU, the same of the host.</summary>
public sealed record GpuFacts
{
    /// <summary><c>cuda</c>, <c>webgpu</c> or <c>cpu</c>.</summary>
    public required string Provider { get; init; }

    /// <summary><c>GPU-…</c>, <c>MIG-…</c> for a part of one, or the host's own name for the device, such as <c>host/cpu-0</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Such as <c>NVIDIA GeForce RTX 4090</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Of the GPU or the MIG instance; of the host, its memory or the configured limit.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>Such as 8.9; null where there is none or the driver does not tell.</summary>
    public string? ComputeCapability { get; init; }

    /// <summary>Such as 580.82.07; null where there is none.</summary>
    public string? DriverVersion { get; init; }

    /// <summary>The newest CUDA that the driver can run, such as 13.0; null where there is none.</summary>
    public string? CudaVersion { get; init; }

    /// <summary>Of a MIG instance: the uuid of the GPU that it is part of.</summary>
    public string? ParentId { get; init; }
}

/// <summary>Bytes of a device at one moment.</summary>
/// <param name="TotalBytes">Of the device.</param>
/// <param name="FreeBytes">For anybody.</param>
/// <param name="UsedBytes">By all processes; with old drivers also by the driver itself.</param>
/// <param name="ProcessBytes">
/// Of this process with its context, code and libraries. Null where the driver does not tell: it counts processes by the
/// host's numbers, so inside a container this one may not be found.
/// </param>
public sealed record GpuMemory(long TotalBytes, long FreeBytes, long UsedBytes, long? ProcessBytes);

/// <param name="Id">The process's number as the host counts; inside a container not the one seen there.</param>
/// <param name="UsedBytes">Null where the driver does not tell.</param>
public sealed record GpuProcess(int Id, long? UsedBytes);

/// <summary>What changes, at one moment. A value that the driver or the device does not have is null.</summary>
public sealed record GpuSample
{
    public required DateTimeOffset TakenAt { get; init; }

    public required GpuMemory Memory { get; init; }

    /// <summary>Share of the last moments in which anything ran, in percent. MIG instances do not have it.</summary>
    public int? UtilizationPercent { get; init; }

    /// <summary>Of the whole card.</summary>
    public int? TemperatureCelsius { get; init; }

    /// <summary>Drawn by the whole card.</summary>
    public double? PowerWatts { get; init; }

    /// <summary>That the whole card may draw.</summary>
    public double? PowerLimitWatts { get; init; }

    /// <summary>All processes that hold memory of the device; null where the driver does not tell.</summary>
    public IReadOnlyList<GpuProcess>? Processes { get; init; }
}
