using System.Collections.Concurrent;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>What the sessions of one device share.</summary>
internal static class DevicePlace
{
    private static readonly ConcurrentDictionary<(string Provider, int Id), Lock> Turns = new();

    /// <summary>Where outputs that stay on the device lie. The caller disposes it unless it is the processor's.</summary>
    public static OrtMemoryInfo MemoryOf(DeviceOptions device) => device.Provider switch
    {
        "cuda" => new OrtMemoryInfo("Cuda", OrtAllocatorType.DeviceAllocator, device.DeviceId, OrtMemType.Default),
        "webgpu" => new OrtMemoryInfo("WebGPU_Buffer", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default),
        _ => OrtMemoryInfo.DefaultInstance,
    };

    /// <summary>The lock that a session of the device holds while it loads, runs or goes. Sessions on the processor share nothing, so each has its own.</summary>
    public static Lock TurnOf(DeviceOptions device) => device.Provider == "cpu" ? new Lock() : Turns.GetOrAdd((device.Provider, device.DeviceId), _ => new Lock());
}
