using I2V.Media;
using I2V.Media.Images;

namespace I2V.Tests.Media;

[Collection(OwnFfmpeg.Name)]
public sealed class ImageReaderTests : IDisposable
{
    private static readonly ImageLimits Limits = new() { Timeout = TimeSpan.FromMinutes(2) };
    private static readonly string[] Formats = ["png", "jpeg", "webp", "webp-lossless"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Leftovers.AssertNone();

    [Theory]
    [InlineData("png", 0)]
    [InlineData("jpeg", 6)]
    [InlineData("webp", 24)]
    [InlineData("webp-lossless", 0)]
    public async Task A_picture_is_read_as_it_was_written(string format, int tolerance)
    {
        var picture = Corpus.Gradient(64, 48);

        var read = await ReadAsync(await Corpus.EncodeAsync(picture, format));

        AssertClose(picture, read, tolerance);
    }

    [Theory]
    [InlineData("png", 1, 1)]
    [InlineData("jpeg", 1, 1)]
    [InlineData("webp", 1, 1)]
    [InlineData("webp-lossless", 1, 1)]
    [InlineData("png", 127, 3)]
    [InlineData("jpeg", 127, 3)]
    [InlineData("webp", 127, 3)]
    [InlineData("png", 5000, 5000)]
    [InlineData("jpeg", 5000, 5000)]
    [InlineData("png", 6000, 5500)]
    public async Task Every_size_up_to_the_limit_is_read(string format, int width, int height)
    {
        var read = await ReadAsync(await Corpus.EncodeAsync(Corpus.Solid(width, height, [200, 100, 50]), format));

        Assert.Equal((width, height, width * height * 3), (read.Width, read.Height, read.Pixels.Length));
        AssertColour([200, 100, 50], read, 0, 0, 12);
        AssertColour([200, 100, 50], read, width - 1, height - 1, 12);
    }

    [Fact]
    public async Task The_heaviest_picture_within_the_limit_is_read()
    {
        // 16 bits, four channels: eight bytes a pixel inside the decoder.
        var read = await ReadAsync(Corpus.Png(6000, 5500, colourType: 6, bits: 16, new byte[6000 * 5500 * 8]));

        AssertColour([255, 255, 255], read, 5999, 5499, 0);
    }

    [Fact]
    public async Task Sixteen_bits_become_eight() =>
        AssertPixels([0x12, 0x80, 0xFF], await ReadAsync(Corpus.Png(1, 1, colourType: 2, bits: 16, [0x12, 0x12, 0x80, 0x80, 0xFF, 0xFF])), 1);

    [Fact]
    public async Task Grey_becomes_rgb()
    {
        AssertPixels([7, 7, 7, 200, 200, 200], await ReadAsync(Corpus.Png(2, 1, colourType: 0, bits: 8, [7, 200])), 0);
        AssertPixels([0, 0, 0, 255, 255, 255], await ReadAsync(Corpus.Png(2, 1, colourType: 0, bits: 1, [0b0100_0000])), 0);
        AssertPixels([90, 90, 90], await ReadAsync(await Corpus.EncodeAsync(Corpus.Solid(1, 1, [90, 90, 90]), "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "gray", "-f", "image2pipe")), 4);
    }

    [Fact]
    public async Task A_palette_becomes_rgb()
    {
        var palette = Corpus.Chunk("PLTE", [255, 0, 0, 0, 255, 0, 0, 0, 255]);

        AssertPixels([0, 0, 255, 255, 0, 0], await ReadAsync(Corpus.Png(2, 1, colourType: 3, bits: 8, [2, 0], palette)), 0);
    }

    [Fact]
    public async Task Transparency_lies_over_white()
    {
        byte[] opaqueHalfClear = [10, 20, 30, 255, 0, 0, 0, 128, 1, 2, 3, 0];
        AssertPixels([10, 20, 30, 127, 127, 127, 255, 255, 255], await ReadAsync(Corpus.Png(3, 1, colourType: 6, bits: 8, opaqueHalfClear)), 1);

        var clearGreen = Corpus.Png(2, 1, colourType: 3, bits: 8, [0, 1], Corpus.Chunk("PLTE", [255, 0, 0, 0, 255, 0]), Corpus.Chunk("tRNS", [255, 0]));
        AssertPixels([255, 0, 0, 255, 255, 255], await ReadAsync(clearGreen), 0);

        AssertPixels([10, 10, 10, 255, 255, 255], await ReadAsync(Corpus.Png(2, 1, colourType: 4, bits: 8, [10, 255, 99, 0])), 0);
    }

    [Theory]
    [InlineData("-lossless", "1", "bgra")]
    [InlineData("-quality", "90", "yuva420p")]
    public async Task Transparency_of_webp_lies_over_white(string option, string value, string pixelFormat)
    {
        byte[] halves = [.. Enumerable.Range(0, 32 * 16).SelectMany(at => at % 32 < 16 ? new byte[] { 200, 0, 0, 255 } : [0, 0, 0, 0])];
        var webp = await Ffmpeg.RunAsync(halves,
            "-f", "rawvideo", "-pix_fmt", "rgba", "-video_size", "32x16", "-i", "pipe:0", "-c:v", "libwebp", option, value, "-pix_fmt", pixelFormat, "-f", "webp", "pipe:1");

        var read = await ReadAsync(webp);

        AssertColour([200, 0, 0], read, 4, 8, 12);
        AssertColour([255, 255, 255], read, 28, 8, 2);
    }

    [Fact]
    public async Task Cmyk_jpeg_becomes_rgb() => AssertPixels([255, 2, 2], First(await ReadAsync(TinyJpeg.Cmyk(255, 2, 2, 255))), 4);

    [Fact]
    public async Task Progressive_jpeg_is_read() => AssertPixels([250, 250, 250], First(await ReadAsync(TinyJpeg.ProgressiveGrey(250))), 2);

    [Fact]
    public async Task Interlaced_png_is_read()
    {
        // Adam7 on 8×8: widths and heights of the seven passes.
        (int Width, int Height)[] passes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)];
        byte[] pixel = [1, 2, 3];
        byte[] Row(int width) => [0, .. Enumerable.Repeat(pixel, width).SelectMany(bytes => bytes)];
        byte[] rows = [.. passes.SelectMany(pass => Enumerable.Repeat(Row(pass.Width), pass.Height)).SelectMany(row => row)];
        byte[] header = [0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 1];
        byte[] png = [.. PngHeader.Signature, .. Corpus.Chunk("IHDR", header), .. Corpus.Chunk("IDAT", Corpus.Zlib(rows)), .. Corpus.Chunk("IEND", [])];

        AssertPixels(Corpus.Solid(8, 8, pixel).Pixels, await ReadAsync(png), 0);
    }

    [Fact]
    public async Task Of_an_animated_png_the_first_picture_is_read()
    {
        byte[] frames = [.. Corpus.Solid(8, 8, [9, 8, 7]).Pixels, .. Corpus.Solid(8, 8, [100, 0, 0]).Pixels];
        var apng = await Ffmpeg.RunAsync(frames, "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", "8x8", "-i", "pipe:0", "-f", "apng", "pipe:1");

        AssertPixels(Corpus.Solid(8, 8, [9, 8, 7]).Pixels, await ReadAsync(apng), 0);
    }

    public static TheoryData<string, int> Orientations() =>
        [.. from format in Formats from orientation in Enumerable.Range(1, 8) select (format, orientation)];

    [Theory]
    [MemberData(nameof(Orientations))]
    public async Task Every_orientation_is_turned_upright(string format, int orientation)
    {
        // Upper left, upper right, lower left, lower right of what a viewer shows.
        byte[][] expected = orientation switch
        {
            1 => [Corpus.Red, Corpus.Green, Corpus.Blue, Corpus.White],
            2 => [Corpus.Green, Corpus.Red, Corpus.White, Corpus.Blue],
            3 => [Corpus.White, Corpus.Blue, Corpus.Green, Corpus.Red],
            4 => [Corpus.Blue, Corpus.White, Corpus.Red, Corpus.Green],
            5 => [Corpus.Red, Corpus.Blue, Corpus.Green, Corpus.White],
            6 => [Corpus.Blue, Corpus.Red, Corpus.White, Corpus.Green],
            7 => [Corpus.White, Corpus.Green, Corpus.Blue, Corpus.Red],
            _ => [Corpus.Green, Corpus.White, Corpus.Red, Corpus.Blue],
        };
        var stored = await Corpus.EncodeAsync(Corpus.Quarters(64, 32), format);

        foreach (var bigEndian in new[] { false, true })
        {
            var read = await ReadAsync(Corpus.WithOrientation(stored, format, orientation, bigEndian));

            var (width, height) = orientation >= 5 ? (32, 64) : (64, 32);
            Assert.Equal((width, height), (read.Width, read.Height));
            AssertColour(expected[0], read, 3, 3, 30);
            AssertColour(expected[1], read, width - 4, 3, 30);
            AssertColour(expected[2], read, 3, height - 4, 30);
            AssertColour(expected[3], read, width - 4, height - 4, 30);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public async Task An_orientation_that_does_not_exist_is_ignored(int orientation)
    {
        var stored = await Corpus.EncodeAsync(Corpus.Quarters(64, 32), "png");

        Assert.Equal(Corpus.Quarters(64, 32).Pixels, (await ReadAsync(Corpus.WithOrientation(stored, "png", orientation))).Pixels);
    }

    [Fact]
    public async Task Ten_megabytes_of_metadata_change_nothing()
    {
        var jpeg = await Corpus.EncodeAsync(Corpus.Solid(16, 16, [0, 128, 0]), "jpeg");
        byte[] segment = [0xFF, 0xE1, 0xFF, 0xFF, .. new byte[0xFFFD]];
        byte[] heavy = [.. jpeg[..2], .. Enumerable.Repeat(segment, 160).SelectMany(bytes => bytes), .. jpeg[2..]];

        AssertColour([0, 128, 0], await ReadAsync(heavy), 8, 8, 6);
    }

    [Fact]
    public async Task Bytes_after_the_picture_change_nothing()
    {
        foreach (var format in new[] { "png", "jpeg", "webp" })
        {
            var file = await Corpus.EncodeAsync(Corpus.Solid(16, 16, [0, 128, 0]), format);
            AssertColour([0, 128, 0], await ReadAsync([.. file, .. file]), 8, 8, 8);
        }
    }

    [Theory]
    [InlineData("png")]
    [InlineData("jpeg")]
    [InlineData("webp")]
    public async Task A_normalised_picture_is_an_upright_png_without_metadata(string format)
    {
        var file = Corpus.WithOrientation(await Corpus.EncodeAsync(Corpus.Quarters(64, 32), format), format, orientation: 6);

        var normalised = await ImageReader.NormaliseAsync(file, Limits, Ct);

        Assert.Equal((32, 64, format), (normalised.Width, normalised.Height, normalised.SourceFormat));
        Assert.Equal(["IHDR", "IDAT", "IEND"], ChunkTypes(normalised.Png));
        var again = await ReadAsync(normalised.Png);
        Assert.Equal((await ReadAsync(file)).Pixels, again.Pixels);
        Assert.Equal((32, 64), (again.Width, again.Height));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(640, 480)]
    public async Task What_the_png_writer_writes_reads_back_bit_for_bit(int width, int height)
    {
        var picture = Corpus.Gradient(width, height);

        Assert.Equal(picture.Pixels, (await ReadAsync(PngWriter.Write(picture))).Pixels);
    }

    private static Task<RgbImage> ReadAsync(byte[] file) => ImageReader.ReadAsync(file, Limits, Ct);

    private static RgbImage First(RgbImage image) => new(1, 1, image.Pixels[..3]);

    private static IEnumerable<string> ChunkTypes(byte[] png)
    {
        for (var at = 8; at < png.Length; at += 12 + System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at)))
        {
            yield return System.Text.Encoding.ASCII.GetString(png, at + 4, 4);
        }
    }

    private static void AssertClose(RgbImage expected, RgbImage actual, int tolerance)
    {
        Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
        AssertPixels(expected.Pixels, actual, tolerance);
    }

    private static void AssertPixels(byte[] expected, RgbImage actual, int tolerance)
    {
        Assert.Equal(expected.Length, actual.Pixels.Length);
        var worst = expected.Zip(actual.Pixels, (wanted, found) => Math.Abs(wanted - found)).Max();
        Assert.True(worst <= tolerance, $"A channel is off by {worst} levels; {tolerance} are allowed.");
    }

    private static void AssertColour(byte[] expected, RgbImage image, int x, int y, int tolerance) =>
        AssertPixels(expected, new RgbImage(1, 1, image.Pixels.AsSpan((y * image.Width + x) * 3, 3).ToArray()), tolerance);
}
