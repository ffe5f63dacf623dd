namespace I2V.Inference.Devices;

/// <summary>What is known of a device at one moment: all that a plan depends on besides the request and the model.</summary>
public sealed record DeviceSnapshot
{
    /// <summary><c>cuda</c>, <c>webgpu</c> or <c>cpu</c>.</summary>
    public required string Provider { get; init; }

    /// <summary>GPU uuid, or the worker's own id for the processor.</summary>
    public required string Id { get; init; }

    /// <summary>Such as <c>NVIDIA GeForce RTX 4090</c>; profiles of one name are shared between cards.</summary>
    public required string Name { get; init; }

    /// <summary>Such as 8.9; null where there is none.</summary>
    public string? ComputeCapability { get; init; }

    public required long TotalBytes { get; init; }

    /// <summary>Free for anybody, by the driver's count.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>What this process holds already, context and libraries included: it can use that again.</summary>
    public required long HeldBytes { get; init; }

    /// <summary>Of what this process holds, or will hold once it has a context: what is not tensors. Zero on the processor.</summary>
    public required long OverheadBytes { get; init; }

    /// <summary>Free memory of the host, where released and streamed weights lie.</summary>
    public required long HostFreeBytes { get; init; }
}
