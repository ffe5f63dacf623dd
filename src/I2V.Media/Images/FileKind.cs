namespace I2V.Media.Images;

/// <summary>Tells a file's kind by its first bytes: names and content types are the sender's words only.</summary>
internal static class FileKind
{
    public const string Png = "a PNG";
    public const string Jpeg = "a JPEG";
    public const string Webp = "a WebP";

    /// <summary>Null for what we do not know.</summary>
    public static string? Sniff(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith(PngHeader.Signature))
        {
            return Png;
        }

        if (file.StartsWith(JpegHeader.Signature))
        {
            return Jpeg;
        }

        if (file.Length >= 12 && file.StartsWith("RIFF"u8))
        {
            return file[8..12].SequenceEqual("WEBP"u8) ? Webp : "a RIFF file";
        }

        return Refused(file);
    }

    private static string? Refused(ReadOnlySpan<byte> file)
    {
        if (file.Length >= 12 && file[4..8].SequenceEqual("ftyp"u8))
        {
            var brand = file[8..12];
            return brand.SequenceEqual("avif"u8) ? "an AVIF image"
                : brand.SequenceEqual("heic"u8) || brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("heix"u8) ? "a HEIC image"
                : "a film";
        }

        if (file.StartsWith("GIF8"u8))
        {
            return "a GIF";
        }

        if (file.StartsWith("BM"u8))
        {
            return "a BMP image";
        }

        if (file.StartsWith("II*\0"u8) || file.StartsWith("MM\0*"u8))
        {
            return "a TIFF image";
        }

        if (file.StartsWith("%PDF"u8))
        {
            return "a PDF document";
        }

        return Text(file.TrimStart("\uFEFF \t\r\n"u8));
    }

    private static string? Text(ReadOnlySpan<byte> file)
    {
        if (file.StartsWith("#EXTM3U"u8))
        {
            return "an HLS playlist";
        }

        if (file.StartsWith("ffconcat"u8))
        {
            return "an ffconcat script";
        }

        return file.StartsWith("<svg"u8) || file.StartsWith("<?xml"u8) || file.StartsWith("<!"u8) || file.StartsWith("<html"u8)
            ? "an SVG or another markup document"
            : null;
    }
}
