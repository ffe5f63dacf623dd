namespace I2V.Media;

/// <summary>What an image may be at most.</summary>
public sealed record ImageLimits
{
    /// <summary>20 MiB.</summary>
    public long MaxBytes { get; init; } = 20L << 20;

    /// <summary>33 megapixels.</summary>
    public long MaxPixels { get; init; } = 33_000_000;

    /// <summary>Longest time for one decode. 10 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Reads PNG, JPEG and WebP through ffmpeg child processes under limits, upright by their EXIF orientation.</summary>
public static class ImageReader
{
    /// <exception cref="MediaException">Not a picture that we read, damaged, or too large.</exception>
    public static Task<RgbImage> ReadAsync(ReadOnlyMemory<byte> file, ImageLimits limits, CancellationToken ct) => throw new NotImplementedException();

    /// <summary>The same picture as a PNG without metadata: upright, RGB, 8 bits. What the gateway stores.</summary>
    /// <exception cref="MediaException">Not a picture that we read, damaged, or too large.</exception>
    public static Task<NormalisedImage> NormaliseAsync(ReadOnlyMemory<byte> file, ImageLimits limits, CancellationToken ct) => throw new NotImplementedException();
}

/// <param name="Width">Pixels, upright.</param>
/// <param name="Height">Pixels, upright.</param>
/// <param name="Png">The stored file.</param>
/// <param name="SourceFormat"><c>png</c>, <c>jpeg</c> or <c>webp</c>.</param>
public sealed record NormalisedImage(int Width, int Height, byte[] Png, string SourceFormat);
