using I2V.Media.Images;

namespace I2V.Media;

/// <summary>What an image may be at most.</summary>
public sealed record ImageLimits
{
    /// <summary>20 MiB.</summary>
    public long MaxBytes { get; init; } = 20L << 20;

    /// <summary>33 megapixels.</summary>
    public long MaxPixels { get; init; } = 33_000_000;

    /// <summary>Pixels of the longer side. 32,768: a needle of one pixel's width costs a decoder as much as a picture.</summary>
    public int MaxSide { get; init; } = 32_768;

    /// <summary>Longest time for one decode, on the wall clock and of the processor. 10 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// Reads PNG, JPEG and WebP: inspected by our own parsers first, decoded by an ffmpeg child process under limits, upright by
/// the EXIF orientation, transparent parts over white. No temporary files; a cancelled read leaves no process.
/// </summary>
public static class ImageReader
{
    /// <param name="file">The whole file.</param>
    /// <exception cref="MediaException">
    /// <see cref="MediaError.ImageUnreadable"/>: not a picture that we read, or damaged; <see cref="MediaError.ImageTooLarge"/>;
    /// <see cref="MediaError.ToolMissing"/>.
    /// </exception>
    public static async Task<RgbImage> ReadAsync(ReadOnlyMemory<byte> file, ImageLimits limits, CancellationToken ct)
    {
        var header = ImageHeader.Parse(file, limits);
        return await ImageDecoder.DecodeAsync(header, limits, ct).ConfigureAwait(false);
    }

    /// <summary>The same picture as a PNG without metadata: upright, RGB, 8 bits. What the gateway stores.</summary>
    /// <param name="file">The whole file.</param>
    /// <exception cref="MediaException">As for <see cref="ReadAsync"/>.</exception>
    public static async Task<NormalisedImage> NormaliseAsync(ReadOnlyMemory<byte> file, ImageLimits limits, CancellationToken ct)
    {
        var header = ImageHeader.Parse(file, limits);
        var image = await ImageDecoder.DecodeAsync(header, limits, ct).ConfigureAwait(false);
        return new NormalisedImage(image.Width, image.Height, PngWriter.Write(image), header.Format);
    }
}

/// <param name="Width">Pixels, upright.</param>
/// <param name="Height">Pixels, upright.</param>
/// <param name="Png">The stored file.</param>
/// <param name="SourceFormat"><c>png</c>, <c>jpeg</c> or <c>webp</c>.</param>
public sealed record NormalisedImage(int Width, int Height, byte[] Png, string SourceFormat);
