using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;

namespace I2V.Media.Images;

/// <summary>
/// Writes 8-bit RGB as PNG. In this process, unlike decoding: these pixels are ours, so there is nothing to keep out, and
/// it is faster than a second child. Every row is stored as its difference from the row above, then deflated quickly.
/// </summary>
internal static class PngWriter
{
    private const byte FilterUp = 2;

    public static byte[] Write(RgbImage image)
    {
        var file = new MemoryStream();
        file.Write(PngHeader.Signature);

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), image.Height);
        header[8] = 8;
        header[9] = 2;
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Compress(image));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static ReadOnlySpan<byte> Compress(RgbImage image)
    {
        var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var stride = image.Width * 3;
            var row = new byte[1 + stride];
            row[0] = FilterUp;
            ReadOnlySpan<byte> above = new byte[stride];
            for (var y = 0; y < image.Height; y++)
            {
                var current = image.Pixels.AsSpan(y * stride, stride);
                Subtract(current, above, row.AsSpan(1));
                zlib.Write(row);
                above = current;
            }
        }

        return compressed.GetBuffer().AsSpan(0, (int)compressed.Length);
    }

    private static void Subtract(ReadOnlySpan<byte> current, ReadOnlySpan<byte> above, Span<byte> difference)
    {
        var x = 0;
        for (; x <= current.Length - Vector<byte>.Count; x += Vector<byte>.Count)
        {
            (new Vector<byte>(current[x..]) - new Vector<byte>(above[x..])).CopyTo(difference[x..]);
        }

        for (; x < current.Length; x++)
        {
            difference[x] = (byte)(current[x] - above[x]);
        }
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> body)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, body.Length);
        file.Write(number);
        file.Write(type);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Append(Crc32.Append(0, type), body));
        file.Write(number);
    }
}
