using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Says what a failed call of the runtime means.</summary>
internal static class DeviceFailure
{
    /// <param name="title">The network, as the beginning of a sentence.</param>
    /// <param name="device">Where it ran.</param>
    /// <param name="error">What the runtime said.</param>
    public static GenerationException OfRun(string title, DeviceOptions device, OrtException error) =>
        new(GenerationError.InferenceFailed, $"{title} failed on {device.Provider}. {error.Message}", error);
}
