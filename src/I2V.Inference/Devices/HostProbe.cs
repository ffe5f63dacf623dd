namespace I2V.Inference.Devices;

/// <summary>
/// The host's memory in the place of a GPU's, for the providers <c>cpu</c> and <c>webgpu</c>: WebGPU tells no memory, so a
/// card of its own needs a limit that somebody has configured.
/// </summary>
/// <param name="provider"><c>cpu</c> or <c>webgpu</c>.</param>
/// <param name="id">The device's name on this host, such as <c>host/cpu-0</c>.</param>
/// <param name="name">For people.</param>
/// <param name="memory">The host's.</param>
/// <param name="limitBytes">The most that this process may use; null for all of the host's.</param>
public sealed class HostProbe(string provider, string id, string name, SystemMemory memory, long? limitBytes, TimeProvider time) : IGpuProbe
{
    public GpuFacts Facts { get; } = new()
    {
        Provider = provider,
        Id = id,
        Name = name,
        TotalBytes = Math.Min(limitBytes ?? long.MaxValue, memory.TotalBytes),
    };

    public GpuSample Read()
    {
        var own = memory.ProcessBytes;
        var free = Math.Min(memory.AvailableBytes, Math.Max(0, Facts.TotalBytes - own));
        return new GpuSample
        {
            TakenAt = time.GetUtcNow(),
            Memory = new GpuMemory(Facts.TotalBytes, free, Facts.TotalBytes - free, own),
        };
    }
}
