namespace I2V.Worker.Devices;

/// <summary>The device is not there or belongs to another worker; the message says how to mend it.</summary>
internal sealed class DeviceException(string message, Exception? inner = null) : Exception(message, inner);
