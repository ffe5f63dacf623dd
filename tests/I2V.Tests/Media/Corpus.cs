using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using I2V.Media;
using I2V.Media.Images;

namespace I2V.Tests.Media;

/// <summary>Pictures for tests, made at run time: PNG byte by byte, JPEG and WebP by the installed encoder.</summary>
internal static class Corpus
{
    public static readonly byte[] Red = [255, 0, 0];
    public static readonly byte[] Green = [0, 255, 0];
    public static readonly byte[] Blue = [0, 0, 255];
    public static readonly byte[] White = [255, 255, 255];

    /// <summary>Quarters red, green / blue, white, so that each of the eight orientations looks different.</summary>
    public static RgbImage Quarters(int width, int height) => Make(width, height, (x, y) => (x < width / 2, y < height / 2) switch
    {
        (true, true) => Red,
        (false, true) => Green,
        (true, false) => Blue,
        _ => White,
    });

    /// <summary>Smooth in both directions, different in every pixel of small sizes.</summary>
    public static RgbImage Gradient(int width, int height) =>
        Make(width, height, (x, y) => [(byte)(x * 255 / Math.Max(1, width - 1)), (byte)(y * 255 / Math.Max(1, height - 1)), (byte)((x + y) % 256)]);

    public static RgbImage Solid(int width, int height, byte[] colour)
    {
        var pixels = new byte[width * height * 3];
        for (var at = 0; at < pixels.Length; at++)
        {
            pixels[at] = colour[at % 3];
        }

        return new RgbImage(width, height, pixels);
    }

    /// <summary>In a format's own encoder: <c>png</c>, <c>jpeg</c>, <c>webp</c> (lossy) or <c>webp-lossless</c>.</summary>
    public static Task<byte[]> EncodeAsync(RgbImage image, string format) => format switch
    {
        "png" => Task.FromResult(Png(image.Width, image.Height, colourType: 2, bits: 8, image.Pixels)),
        "jpeg" => EncodeAsync(image, "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p", "-f", "image2pipe"),
        "webp" => EncodeAsync(image, "-c:v", "libwebp", "-quality", "95", "-f", "webp"),
        "webp-lossless" => EncodeAsync(image, "-c:v", "libwebp", "-lossless", "1", "-pix_fmt", "bgra", "-f", "webp"),
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    public static Task<byte[]> EncodeAsync(RgbImage image, params string[] encoder) =>
        Ffmpeg.RunAsync(image.Pixels,
        [
            "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-video_size", string.Create(CultureInfo.InvariantCulture, $"{image.Width}x{image.Height}"), "-i", "pipe:0", .. encoder, "pipe:1",
        ]);

    /// <param name="samples">Rows without filter bytes, as PNG packs them.</param>
    /// <param name="extra">Whole chunks that go before the pixels.</param>
    public static byte[] Png(int width, int height, byte colourType, byte bits, ReadOnlySpan<byte> samples, params byte[][] extra)
    {
        var stride = samples.Length / height;
        var rows = new byte[(stride + 1) * height];
        for (var y = 0; y < height; y++)
        {
            samples.Slice(y * stride, stride).CopyTo(rows.AsSpan(y * (stride + 1) + 1));
        }

        return PngOf(width, height, colourType, bits, Zlib(rows), extra);
    }

    /// <param name="compressed">The content of IDAT, right or wrong.</param>
    public static byte[] PngOf(int width, int height, byte colourType, byte bits, byte[] compressed, params byte[][] extra) =>
    [
        .. PngHeader.Signature,
        .. Chunk("IHDR", [.. BigEndian(width), .. BigEndian(height), bits, colourType, 0, 0, 0]),
        .. extra.SelectMany(chunk => chunk),
        .. Chunk("IDAT", compressed),
        .. Chunk("IEND", []),
    ];

    public static byte[] Chunk(string type, byte[] body)
    {
        byte[] covered = [.. System.Text.Encoding.ASCII.GetBytes(type), .. body];
        return [.. BigEndian(body.Length), .. covered, .. BigEndian((int)Crc32.Append(0, covered))];
    }

    public static byte[] Zlib(ReadOnlySpan<byte> bytes)
    {
        using var memory = new MemoryStream();
        using (var zlib = new ZLibStream(memory, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(bytes);
        }

        return memory.ToArray();
    }

    /// <summary>A small file that is a gigabyte of transparent pixels.</summary>
    public static byte[] Bomb(int width, int height)
    {
        var row = new byte[width * 4 + 1];
        using var memory = new MemoryStream();
        using (var zlib = new ZLibStream(memory, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                zlib.Write(row);
            }
        }

        return PngOf(width, height, 6, 8, memory.ToArray());
    }

    /// <summary>The same picture with an EXIF orientation, where its format keeps one.</summary>
    public static byte[] WithOrientation(byte[] file, string format, int orientation, bool bigEndian = false)
    {
        var exif = Exif(orientation, bigEndian);
        return format switch
        {
            "png" => [.. file[..33], .. Chunk("eXIf", exif), .. file[33..]],
            "jpeg" => [.. file[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 8), .. "Exif\0\0"u8, .. exif, .. file[2..]],
            _ => ExtendedWebp(file, exif),
        };
    }

    public static byte[] Riff(params byte[][] chunks)
    {
        var body = chunks.SelectMany(chunk => chunk).ToArray();
        return [.. "RIFF"u8, .. LittleEndian(body.Length + 4), .. "WEBP"u8, .. body];
    }

    public static byte[] RiffChunk(string type, byte[] body) =>
        [.. System.Text.Encoding.ASCII.GetBytes(type), .. LittleEndian(body.Length), .. body, .. new byte[body.Length % 2]];

    /// <summary>Body of VP8X for a canvas of this size.</summary>
    public static byte[] Extended(byte flags, int width, int height) =>
        [flags, 0, 0, 0, .. LittleEndian(width - 1)[..3], .. LittleEndian(height - 1)[..3]];

    private static byte[] ExtendedWebp(byte[] file, byte[] exif)
    {
        var header = ImageHeader.Parse(file, new ImageLimits());
        return Riff(RiffChunk("VP8X", Extended(0x08, header.Width, header.Height)), file[12..], RiffChunk("EXIF", exif));
    }

    /// <summary>One directory with two entries: a text to skip, then the orientation.</summary>
    private static byte[] Exif(int orientation, bool bigEndian)
    {
        byte[] Number(int value, int bytes)
        {
            var little = LittleEndian(value)[..bytes];
            return bigEndian ? [.. little.Reverse()] : little;
        }

        return
        [
            .. bigEndian ? "MM"u8 : "II"u8, .. Number(42, 2), .. Number(8, 4), .. Number(2, 2),
            .. Number(0x010F, 2), .. Number(2, 2), .. Number(4, 4), .. "i2v\0"u8,
            .. Number(0x0112, 2), .. Number(3, 2), .. Number(1, 4), .. Number(orientation, 2), 0, 0,
            .. Number(0, 4),
        ];
    }

    private static RgbImage Make(int width, int height, Func<int, int, byte[]> colour)
    {
        var pixels = new byte[width * height * 3];
        for (var at = 0; at < width * height; at++)
        {
            colour(at % width, at / width).CopyTo(pixels, at * 3);
        }

        return new RgbImage(width, height, pixels);
    }

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] LittleEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
