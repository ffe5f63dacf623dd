using System.Buffers.Binary;

namespace I2V.Media.Images;

/// <summary>Walks a JPEG's segments and scans: size, completeness, orientation.</summary>
internal static class JpegHeader
{
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;
    private const byte App1 = 0xE1;
    private const byte App14 = 0xEE;
    private const byte Comment = 0xFE;

    public static ReadOnlySpan<byte> Signature => [0xFF, 0xD8, 0xFF];

    public static ImageHeader Parse(ReadOnlyMemory<byte> file, ImageLimits limits)
    {
        var bytes = file.Span;
        var (width, height, orientation) = (0, 0, Exif.Upright);
        var essential = new List<ReadOnlyMemory<byte>> { file[..2] };
        var at = 2;
        while (true)
        {
            var start = at;
            var marker = Marker(bytes, ref at);
            if (marker == EndOfImage)
            {
                essential.Add(file[start..at]);
                break;
            }

            var body = at + 2;
            at += SegmentLength(bytes, at);
            var content = bytes[body..at];
            if (marker == StartOfScan)
            {
                at = EndOfScan(bytes, at);
            }
            else if (IsFrameHeader(marker))
            {
                (width, height) = Size(content, limits);
            }
            else if (marker == App1 && orientation == Exif.Upright && content.StartsWith("Exif\0\0"u8))
            {
                orientation = Exif.Orientation(content);
            }

            if (!IsMetadata(marker))
            {
                essential.Add(file[start..at]);
            }
        }

        ImageHeader.CheckSize(width, height, limits);
        return new ImageHeader("jpeg", width, height, HasAlpha: false, orientation, essential);
    }

    /// <summary>Any number of FF bytes may stand before a marker.</summary>
    private static byte Marker(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (at >= bytes.Length)
        {
            throw ImageHeader.CutOff("JPEG");
        }

        if (bytes[at] != 0xFF)
        {
            throw ImageHeader.Unreadable("The JPEG file is damaged: a segment does not begin with a marker.");
        }

        while (at < bytes.Length && bytes[at] == 0xFF)
        {
            at++;
        }

        return at < bytes.Length ? bytes[at++] : throw ImageHeader.CutOff("JPEG");
    }

    private static int SegmentLength(ReadOnlySpan<byte> bytes, int at) =>
        at + 2 <= bytes.Length && BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]) is >= 2 and var length && at + length <= bytes.Length
            ? length
            : throw ImageHeader.CutOff("JPEG");

    /// <summary>Where the next real marker is: FF00 is a data byte FF, FFD0 … FFD7 are restarts within the scan.</summary>
    private static int EndOfScan(ReadOnlySpan<byte> bytes, int at)
    {
        while (true)
        {
            var next = bytes[at..].IndexOf((byte)0xFF);
            if (next < 0 || at + next + 1 >= bytes.Length)
            {
                throw ImageHeader.CutOff("JPEG");
            }

            at += next;
            if (bytes[at + 1] is not (0x00 or (>= 0xD0 and <= 0xD7)))
            {
                return at;
            }

            at += 2;
        }
    }

    private static (int Width, int Height) Size(ReadOnlySpan<byte> frameHeader, ImageLimits limits)
    {
        if (frameHeader.Length < 6)
        {
            throw ImageHeader.CutOff("JPEG");
        }

        var height = BinaryPrimitives.ReadUInt16BigEndian(frameHeader[1..]);
        var width = BinaryPrimitives.ReadUInt16BigEndian(frameHeader[3..]);
        ImageHeader.CheckSize(width, height, limits);
        return (width, height);
    }

    /// <summary>SOF0 … SOF15 without DHT, JPG and DAC, which share the range.</summary>
    private static bool IsFrameHeader(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);

    /// <summary>APP14 says how colours are coded, so it stays.</summary>
    private static bool IsMetadata(byte marker) => marker is (>= 0xE0 and <= 0xEF and not App14) or Comment;
}
