using System.Globalization;

namespace I2V.Media.Images;

/// <summary>What our own parsers know about a file before any decoder sees it.</summary>
/// <param name="Format"><c>png</c>, <c>jpeg</c> or <c>webp</c>.</param>
/// <param name="Width">Pixels, as stored.</param>
/// <param name="Height">Pixels, as stored.</param>
/// <param name="HasAlpha">Some pixels may be transparent.</param>
/// <param name="Orientation">EXIF orientation, 1 … 8.</param>
/// <param name="Essential">
/// The file without what decoding does not need: no metadata, thumbnails, colour profiles, animation or trailing bytes.
/// Hostile bytes in those never reach the decoder, and neither does the orientation, so nothing is turned twice.
/// </param>
internal sealed record ImageHeader(
    string Format,
    int Width,
    int Height,
    bool HasAlpha,
    int Orientation,
    IReadOnlyList<ReadOnlyMemory<byte>> Essential)
{
    /// <exception cref="MediaException">Not a PNG, JPEG or WebP, cut off, or larger than allowed.</exception>
    public static ImageHeader Parse(ReadOnlyMemory<byte> file, ImageLimits limits)
    {
        if (file.IsEmpty)
        {
            throw Unreadable("The image is empty: send a PNG, JPEG or WebP file.");
        }

        if (file.Length > limits.MaxBytes)
        {
            throw new MediaException(MediaError.ImageTooLarge, string.Create(CultureInfo.InvariantCulture,
                $"The image has {file.Length:N0} bytes; at most {limits.MaxBytes:N0} are allowed."));
        }

        return FileKind.Sniff(file.Span) switch
        {
            FileKind.Png => PngHeader.Parse(file, limits),
            FileKind.Jpeg => JpegHeader.Parse(file, limits),
            FileKind.Webp => WebpHeader.Parse(file, limits),
            null => throw Unreadable("The file is not an image that can be read: send a PNG, JPEG or WebP file."),
            var other => throw Unreadable($"The file is {other}, whatever its name says: send a PNG, JPEG or WebP file."),
        };
    }

    /// <summary>Called as soon as the size is known, before anything else in the file is looked at.</summary>
    public static void CheckSize(long width, long height, ImageLimits limits)
    {
        if (width < 1 || height < 1)
        {
            throw Unreadable(string.Create(CultureInfo.InvariantCulture, $"The image is damaged: it says that it is {width}×{height} pixels large."));
        }

        if (width * height > limits.MaxPixels || width > limits.MaxSide || height > limits.MaxSide)
        {
            throw new MediaException(MediaError.ImageTooLarge, string.Create(CultureInfo.InvariantCulture,
                $"The image is {width}×{height} pixels large; at most {limits.MaxPixels:N0} pixels and {limits.MaxSide:N0} a side are allowed."));
        }
    }

    public static MediaException Unreadable(string message) => new(MediaError.ImageUnreadable, message);

    public static MediaException CutOff(string format) => Unreadable($"The {format} file is cut off or damaged: it ends before the picture does.");
}
