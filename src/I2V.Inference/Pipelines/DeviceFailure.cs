using System.Globalization;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Says what a failed call of the runtime means: too little memory, a device that is lost to the process, or the graph.</summary>
internal static class DeviceFailure
{
    // The runtime has no code for want of memory, and what fails outside our allocator (work space of cuDNN and cuBLAS,
    // code loaded late, the arena when it is asked for) is told by these words only. A handle of cuDNN that finds no memory
    // is an internal error by its own words; on a device that is well it needs nothing else.
    private static readonly string[] MemoryWords =
        ["out of memory", "Failed to allocate memory", "STATUS_ALLOC_FAILED", "bad allocation", "expr=cudnnCreate(", "expr=cublasCreate("];

    /// <param name="title">The network, as the beginning of a sentence.</param>
    /// <param name="device">Where it ran.</param>
    /// <param name="error">What the runtime said.</param>
    public static GenerationException OfRun(string title, DeviceOptions device, OrtException error) =>
        Of(title, device, error, new GenerationException(GenerationError.InferenceFailed, $"{title} failed on {device.Provider}. {error.Message}", error));

    /// <param name="title">The graph, as the beginning of a sentence.</param>
    /// <param name="device">Where it was to be loaded.</param>
    /// <param name="error">What the runtime said.</param>
    public static GenerationException OfLoad(string title, DeviceOptions device, OrtException error) =>
        Of(title, device, error, new GenerationException(GenerationError.ModelLoadFailed, $"{title} cannot be loaded. {error.Message}", error));

    /// <summary>Weights that take turns could not be brought or used, as happens when the device is lost.</summary>
    /// <param name="title">Whose weights, as the beginning of a sentence.</param>
    /// <param name="device">Where it ran.</param>
    /// <param name="error">What went wrong.</param>
    public static GenerationException OfSlots(string title, DeviceOptions device, DeviceSlotException error) =>
        CudaDriver.StuckError(device.DeviceId) is { } stuck
            ? Lost(title, device.DeviceId, stuck, error)
            : new GenerationException(GenerationError.InferenceFailed, $"{title} failed on {device.Provider}. {error.Message}", error);

    /// <param name="title">What failed, as the beginning of a sentence.</param>
    /// <param name="deviceId">The CUDA device.</param>
    /// <param name="error">What the runtime said.</param>
    /// <param name="stuck">The error that the device's context holds, or null when it is well.</param>
    /// <param name="refusal">What our allocator refused meanwhile.</param>
    /// <returns>Null when it was neither the device nor its memory.</returns>
    internal static GenerationException? OfCuda(string title, int deviceId, OrtException error, string? stuck, DeviceMemoryRefusal? refusal)
    {
        if (stuck is not null)
        {
            return Lost(title, deviceId, stuck, error);
        }

        return refusal is not null ? OfRefusal(title, refusal, error)
            : Array.Exists(MemoryWords, words => error.Detail.Contains(words, StringComparison.OrdinalIgnoreCase))
                ? new GenerationException(GenerationError.OutOfDeviceMemory, $"{title} needs more memory than CUDA device {deviceId} has free. {error.Message}", error)
                {
                    // Who asked for how much is not known, but what our allocator had taken was not enough.
                    NeededBytes = DeviceMemory.Current?.Use.CommittedBytes,
                }
                : null;
    }

    /// <summary>Our allocator could not give what was asked for.</summary>
    public static GenerationException OfRefusal(string title, DeviceMemoryRefusal refusal, OrtException? error = null) =>
        new(GenerationError.OutOfDeviceMemory, Describe(title, refusal), error)
        {
            NeededBytes = refusal.Use.CommittedBytes + Math.Min(refusal.RequestedBytes, long.MaxValue - refusal.Use.CommittedBytes),
        };

    private static GenerationException Lost(string title, int deviceId, string stuck, Exception error) => new(
        GenerationError.DeviceLost,
        $"{title} failed, and CUDA device {deviceId} holds the error {stuck}: it answers this process no more, so the process must be started again.",
        error);

    private static GenerationException Of(string title, DeviceOptions device, OrtException error, GenerationException otherwise) =>
        device.Provider == "cuda"
            ? OfCuda(title, device.DeviceId, error, CudaDriver.StuckError(device.DeviceId), DeviceMemory.Current?.TakeRefusal()) ?? otherwise
            : otherwise;

    private static string Describe(string title, DeviceMemoryRefusal refusal)
    {
        var limit = refusal.BudgetBytes is { } budget ? $"the budget is {Megabytes(budget)}" : "the device has no more free";
        return $"{title} needs {Megabytes(refusal.RequestedBytes)} more of the device's memory, but {Megabytes(refusal.Use.LiveBytes)} are in use, {Megabytes(refusal.Use.CommittedBytes)} taken, and {limit}.";
    }

    private static string Megabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB");
}
