namespace I2V.Inference.Devices;

public enum DeviceError
{
    Unknown = 0,

    /// <summary>There is no driver, or none that this program can use.</summary>
    NoDriver = 1,

    /// <summary>No device fits what was asked for.</summary>
    NotFound = 2,

    /// <summary>The device is there, but <c>CUDA_VISIBLE_DEVICES</c> keeps this process from it.</summary>
    Hidden = 3,

    /// <summary>More than one device fits what was asked for.</summary>
    Ambiguous = 4,

    /// <summary>Another process has the device.</summary>
    Busy = 5,

    /// <summary>The GPU is gone from the bus, or needs a reset.</summary>
    Lost = 6,

    /// <summary>The driver did not answer this time.</summary>
    NoAnswer = 7,
}

/// <summary>A device cannot be found, had or asked; the message is one sentence that says how to mend it.</summary>
public sealed class DeviceException(DeviceError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public DeviceError Error { get; } = error;
}
