namespace I2V.Inference.Pipelines;

public enum GenerationError
{
    Unknown = 0,

    /// <summary>The settings are outside what the model can make.</summary>
    InvalidSettings = 1,

    /// <summary>The package is incomplete, damaged or of an unknown family.</summary>
    ModelLoadFailed = 2,

    /// <summary>ONNX Runtime or one of its providers cannot be loaded.</summary>
    RuntimeMissing = 3,

    /// <summary>A run needs more of the device's memory than there is, or than it may use. The process lives on.</summary>
    OutOfDeviceMemory = 4,

    InferenceFailed = 5,

    /// <summary>The device answers no call of this process any more, new sessions included: only a new process can use it.</summary>
    DeviceLost = 6,
}

/// <summary>A run that failed; the message is for the user.</summary>
public sealed class GenerationException(GenerationError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public GenerationError Error { get; } = error;

    /// <summary>
    /// With <see cref="GenerationError.OutOfDeviceMemory"/>: what was taken for tensors, weights included, and what was asked for
    /// and not given. As it was done, the run needs at least so many bytes. Null where they are not counted.
    /// </summary>
    public long? NeededBytes { get; init; }

    /// <summary>True when the same request could succeed on another attempt or another machine.</summary>
    public bool IsTransient => Error is not GenerationError.InvalidSettings;
}
