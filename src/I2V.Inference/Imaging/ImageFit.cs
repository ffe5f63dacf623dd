namespace I2V.Inference.Imaging;

/// <summary>How a picture is cut to the film's shape.</summary>
public enum ImageFit
{
    /// <summary>The picture always covers the film.</summary>
    Clamp = 0,

    /// <summary>
    /// Pixel for pixel what the reference pipeline does, whose rounding leaves one black column or row at about 40 % of
    /// sizes. For comparisons with it.
    /// </summary>
    Exact = 1,
}
