using System.Buffers.Binary;

namespace I2V.Media.Images;

/// <summary>Walks a PNG's chunks: sizes, checksums, completeness, transparency, orientation.</summary>
internal static class PngHeader
{
    private const int ChunkOverhead = 12;

    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    public static ImageHeader Parse(ReadOnlyMemory<byte> file, ImageLimits limits)
    {
        var bytes = file.Span;
        if (bytes.Length < Signature.Length + ChunkOverhead + 13 || !bytes.Slice(12, 4).SequenceEqual("IHDR"u8))
        {
            throw ImageHeader.CutOff("PNG");
        }

        var width = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]);
        var height = BinaryPrimitives.ReadUInt32BigEndian(bytes[20..]);
        ImageHeader.CheckSize(width, height, limits);

        var alpha = bytes[25] is 4 or 6;
        var orientation = Exif.Upright;
        var essential = new List<ReadOnlyMemory<byte>> { file[..Signature.Length] };
        var at = Signature.Length;
        while (true)
        {
            var length = Length(bytes, at);
            var chunk = file.Slice(at, length + ChunkOverhead);
            var type = chunk.Span.Slice(4, 4);
            at += chunk.Length;

            if (IsEssential(type))
            {
                CheckSum(chunk.Span);
                essential.Add(chunk);
                alpha |= type.SequenceEqual("tRNS"u8);
            }
            else if (type.SequenceEqual("eXIf"u8))
            {
                orientation = Exif.Orientation(chunk.Span[8..^4]);
            }

            if (type.SequenceEqual("IEND"u8))
            {
                return new ImageHeader("png", (int)width, (int)height, alpha, orientation, essential);
            }
        }
    }

    private static int Length(ReadOnlySpan<byte> bytes, int at)
    {
        var rest = bytes.Length - at - ChunkOverhead;
        return rest >= 0 && BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]) is var length && length <= rest
            ? (int)length
            : throw ImageHeader.CutOff("PNG");
    }

    private static bool IsEssential(ReadOnlySpan<byte> type) =>
        type.SequenceEqual("IHDR"u8) || type.SequenceEqual("PLTE"u8) || type.SequenceEqual("tRNS"u8)
        || type.SequenceEqual("IDAT"u8) || type.SequenceEqual("IEND"u8);

    private static void CheckSum(ReadOnlySpan<byte> chunk)
    {
        if (Crc32.Append(0, chunk[4..^4]) != BinaryPrimitives.ReadUInt32BigEndian(chunk[^4..]))
        {
            throw ImageHeader.Unreadable("The PNG file is damaged: a checksum does not match.");
        }
    }
}
