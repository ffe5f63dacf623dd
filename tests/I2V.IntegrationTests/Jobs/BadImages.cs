using System.Buffers.Binary;
using System.IO.Compression;
using I2V.Media.Images;

namespace I2V.IntegrationTests.Jobs;

/// <summary>Pictures that nobody should send.</summary>
internal static class BadImages
{
    private const int BombSide = 16_000;

    private static readonly Lazy<byte[]> LazyBomb = new(MakeBomb);

    /// <summary>A valid PNG of 16000 × 16000 pixels in a megabyte, which would unpack to a gigabyte.</summary>
    public static byte[] Bomb => LazyBomb.Value;

    /// <summary>A good PNG with another size in its header, the checksum mended, so that only the size is wrong.</summary>
    public static byte[] WithSize(int width, int height)
    {
        var file = ApiFixture.Photo.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), height);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), Crc32.Append(0, file.AsSpan(12, 17)));
        return file;
    }

    private static byte[] MakeBomb()
    {
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Optimal, leaveOpen: true))
        {
            // One filter byte, then red, green, blue and alpha of each pixel, all of them zero.
            var row = new byte[1 + (BombSide * 4)];
            for (var y = 0; y < BombSide; y++)
            {
                zlib.Write(row);
            }
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, BombSide);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), BombSide);
        (header[8], header[9]) = (8, 6);
        return [0x89, .. "PNG\r\n\x1a\n"u8, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, data.ToArray()), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        var chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        type.CopyTo(chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc32.Append(0, chunk.AsSpan(4, 4 + data.Length)));
        return chunk;
    }
}
