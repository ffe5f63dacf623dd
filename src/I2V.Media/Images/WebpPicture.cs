using System.Buffers.Binary;

namespace I2V.Media.Images;

/// <summary>Collects what a WebP's chunks say about its one picture.</summary>
internal sealed class WebpPicture(ImageLimits limits)
{
    private const byte AnimationFlag = 0x02;
    private const byte AlphaFlag = 0x10;
    private const int ExtendedBody = 10;

    private ReadOnlyMemory<byte> alphaPlane;
    private ReadOnlyMemory<byte> pixels;
    private (int Width, int Height) canvas;
    private (int Width, int Height) size;
    private bool alpha;
    private int orientation = Exif.Upright;

    public void Visit(ReadOnlyMemory<byte> chunk)
    {
        var bytes = chunk.Span;
        if (bytes.StartsWith("EXIF"u8))
        {
            orientation = Exif.Orientation(bytes[WebpHeader.ChunkHeader..]);
        }
        else if (bytes.StartsWith("ANIM"u8) || bytes.StartsWith("ANMF"u8))
        {
            throw Animated();
        }
        else if (bytes.StartsWith("ALPH"u8))
        {
            alphaPlane = chunk;
        }
        else if (bytes.StartsWith("VP8"u8) && ReadSize(bytes) && pixels.IsEmpty)
        {
            CheckFirstPartition(bytes);
            pixels = chunk;
        }
    }

    /// <summary>True for a chunk with pixels. <paramref name="chunk"/> may be followed by others.</summary>
    public bool ReadSize(ReadOnlySpan<byte> chunk)
    {
        var body = chunk[WebpHeader.ChunkHeader..];
        return chunk[3] switch
        {
            (byte)'X' when body.Length >= ExtendedBody => ReadExtended(body),
            (byte)'L' when body.Length >= 5 && body[0] == 0x2F => ReadLossless(body),
            (byte)' ' when body.Length >= 10 && body[3..6].SequenceEqual<byte>([0x9D, 0x01, 0x2A]) => ReadLossy(body),
            _ => throw ImageHeader.CutOff("WebP"),
        };
    }

    public ImageHeader Finish()
    {
        if (pixels.IsEmpty)
        {
            throw ImageHeader.CutOff("WebP");
        }

        if (canvas.Width != 0 && canvas != size)
        {
            throw ImageHeader.Unreadable("The WebP file is damaged: its picture does not have the size that its header says.");
        }

        return new ImageHeader("webp", size.Width, size.Height, alpha || !alphaPlane.IsEmpty, orientation, Rebuild());
    }

    private static MediaException Animated() =>
        ImageHeader.Unreadable("The WebP is an animation: send one still picture as PNG, JPEG or WebP.");

    private static int UInt24(ReadOnlySpan<byte> at) => at[0] | at[1] << 8 | at[2] << 16;

    private bool ReadExtended(ReadOnlySpan<byte> body)
    {
        if ((body[0] & AnimationFlag) != 0)
        {
            throw Animated();
        }

        canvas = Checked(1 + UInt24(body[4..]), 1 + UInt24(body[7..]));
        return false;
    }

    private bool ReadLossless(ReadOnlySpan<byte> body)
    {
        var bits = BinaryPrimitives.ReadUInt32LittleEndian(body[1..]);
        size = Checked(1 + (int)(bits & 0x3FFF), 1 + (int)((bits >> 14) & 0x3FFF));
        alpha |= (bits & (1 << 28)) != 0;
        return true;
    }

    private bool ReadLossy(ReadOnlySpan<byte> body)
    {
        size = Checked(
            BinaryPrimitives.ReadUInt16LittleEndian(body[6..]) & 0x3FFF,
            BinaryPrimitives.ReadUInt16LittleEndian(body[8..]) & 0x3FFF);
        return true;
    }

    /// <summary>ffmpeg fills in what a lossy picture lacks, so the lengths that the bitstream states are compared here.</summary>
    private static void CheckFirstPartition(ReadOnlySpan<byte> chunk)
    {
        var body = chunk[WebpHeader.ChunkHeader..];
        if (chunk[3] == (byte)' ' && 10 + (UInt24(body) >> 5) > body.Length)
        {
            throw ImageHeader.CutOff("WebP");
        }
    }

    private (int Width, int Height) Checked(int width, int height)
    {
        ImageHeader.CheckSize(width, height, limits);
        return (width, height);
    }

    /// <summary>A new container around the pixels alone; only a separate alpha plane needs the extended form.</summary>
    private List<ReadOnlyMemory<byte>> Rebuild()
    {
        List<ReadOnlyMemory<byte>> chunks = [];
        if (!alphaPlane.IsEmpty)
        {
            Add(chunks, ExtendedChunk());
            Add(chunks, alphaPlane);
        }

        Add(chunks, pixels);
        var header = new byte[WebpHeader.RiffHeader];
        "RIFF"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), (uint)(4 + chunks.Sum(chunk => chunk.Length)));
        "WEBP"u8.CopyTo(header.AsSpan(8));
        chunks.Insert(0, header);
        return chunks;
    }

    private byte[] ExtendedChunk()
    {
        var chunk = new byte[WebpHeader.ChunkHeader + ExtendedBody];
        "VP8X"u8.CopyTo(chunk);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk.AsSpan(4), ExtendedBody);
        chunk[8] = AlphaFlag;
        WriteUInt24(chunk.AsSpan(12), size.Width - 1);
        WriteUInt24(chunk.AsSpan(15), size.Height - 1);
        return chunk;
    }

    private static void WriteUInt24(Span<byte> at, int value) => (at[0], at[1], at[2]) = ((byte)value, (byte)(value >> 8), (byte)(value >> 16));

    private static void Add(List<ReadOnlyMemory<byte>> chunks, ReadOnlyMemory<byte> chunk)
    {
        chunks.Add(chunk);
        if (chunk.Length % 2 != 0)
        {
            chunks.Add(new byte[1]);
        }
    }
}
