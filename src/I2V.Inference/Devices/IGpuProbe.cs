namespace I2V.Inference.Devices;

/// <summary>Tells about one device: a GPU through its driver, or the host's memory where there is no GPU to ask.</summary>
public interface IGpuProbe
{
    GpuFacts Facts { get; }

    /// <summary>Asks now, which takes the driver some milliseconds. Thread-safe.</summary>
    /// <exception cref="DeviceException">The device is lost, or did not answer this time.</exception>
    GpuSample Read();
}
