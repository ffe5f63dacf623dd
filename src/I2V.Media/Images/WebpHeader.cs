using System.Buffers.Binary;

namespace I2V.Media.Images;

/// <summary>Walks a WebP's chunks: completeness and what the pictures in it are. Animations are refused.</summary>
internal static class WebpHeader
{
    public const int RiffHeader = 12;
    public const int ChunkHeader = 8;

    private const int SmallestFile = RiffHeader + ChunkHeader + 10;

    public static ImageHeader Parse(ReadOnlyMemory<byte> file, ImageLimits limits)
    {
        var picture = new WebpPicture(limits);
        var bytes = file.Span;
        if (bytes.Length >= SmallestFile && bytes[RiffHeader..].StartsWith("VP8"u8))
        {
            // The size counts even when the file is cut off after it: too large is the more useful answer.
            picture.ReadSize(bytes[RiffHeader..]);
        }

        var end = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) + 8L;
        for (long at = RiffHeader; at < end;)
        {
            var chunk = Chunk(file, at, end);
            picture.Visit(chunk);
            at += chunk.Length + (chunk.Length & 1);
        }

        return picture.Finish();
    }

    private static ReadOnlyMemory<byte> Chunk(ReadOnlyMemory<byte> file, long at, long end)
    {
        var rest = Math.Min(file.Length, end) - at - ChunkHeader;
        return rest >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(file.Span[((int)at + 4)..]) is var length && length <= rest
            ? file.Slice((int)at, ChunkHeader + (int)length)
            : throw ImageHeader.CutOff("WebP");
    }
}
