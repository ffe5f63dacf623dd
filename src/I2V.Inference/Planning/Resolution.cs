namespace I2V.Inference.Planning;

/// <summary>Sizes of pictures by the names that people use.</summary>
public static class Resolution
{
    /// <summary>
    /// The most pixels (width · height) of a picture that counts as "<paramref name="lines"/>p": those of a 16:9 picture with
    /// so many lines, whatever its own shape. 512p are 466,033 pixels, 768p 1,048,576, 1024p 1,864,135; parts of a pixel do not count.
    /// </summary>
    /// <param name="lines">1 … 10,000.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="lines"/> is outside its range.</exception>
    public static int PixelsOf(int lines)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(lines, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lines, 10_000);
        return (int)(16L * lines * lines / 9);
    }
}
