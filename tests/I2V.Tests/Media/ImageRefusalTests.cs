using System.Text;
using I2V.Media;
using I2V.Media.Tools;

namespace I2V.Tests.Media;

/// <summary>What is not a sound picture is refused with its reason, and leaves no process and no file.</summary>
[Collection(OwnFfmpeg.Name)]
public sealed class ImageRefusalTests : IDisposable
{
    private static readonly ImageLimits Limits = new() { Timeout = TimeSpan.FromMinutes(2) };

    private readonly string? temporary = Environment.GetEnvironmentVariable("TMPDIR");
    private readonly string folder = Directory.CreateTempSubdirectory("i2v-refusals-").FullName;

    public ImageRefusalTests() => Environment.SetEnvironmentVariable("TMPDIR", folder);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("TMPDIR", temporary);
        Leftovers.AssertNone(folder);
        Directory.Delete(folder);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("hello, this is no picture at all", "send a PNG, JPEG or WebP file")]
    [InlineData("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "an HLS playlist")]
    [InlineData("ffconcat version 1.0\nfile /etc/passwd\n", "an ffconcat script")]
    [InlineData("<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "an SVG")]
    [InlineData("\uFEFF  <?xml version='1.0'?><svg/>", "an SVG")]
    [InlineData("GIF89a\u0001\0\u0001\0", "a GIF")]
    [InlineData("%PDF-1.7", "a PDF")]
    [InlineData("RIFF\u0010\0\0\0WAVEfmt ", "a RIFF file")]
    [InlineData("\0\0\0\u0018ftypheic", "a HEIC image")]
    [InlineData("\0\0\0\u0018ftypisom", "a film")]
    public async Task Another_kind_of_file_is_named(string content, string named)
    {
        var error = await RefusedAsync(Encoding.UTF8.GetBytes(content), MediaError.ImageUnreadable);

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Theory]
    [InlineData("png")]
    [InlineData("jpeg")]
    [InlineData("webp")]
    [InlineData("webp-lossless")]
    public async Task A_file_cut_off_anywhere_is_refused(string format)
    {
        var whole = await Corpus.EncodeAsync(Corpus.Gradient(96, 64), format);
        var lengths = Enumerable.Range(1, 16).Select(cut => whole.Length - cut)
            .Concat(Enumerable.Range(1, 19).Select(part => whole.Length * part / 20))
            .Concat(Enumerable.Range(1, 40));

        foreach (var length in lengths.Distinct())
        {
            await RefusedAsync(whole[..length], MediaError.ImageUnreadable);
        }
    }

    [Theory]
    [InlineData(30)]
    [InlineData(60)]
    [InlineData(95)]
    public async Task A_jpeg_that_lacks_pixels_is_refused_although_it_ends_properly(int percent)
    {
        var whole = await Corpus.EncodeAsync(Corpus.Gradient(320, 240), "jpeg");

        await RefusedAsync([.. whole[..(whole.Length * percent / 100)], 0xFF, 0xD9], MediaError.ImageUnreadable);
    }

    [Fact]
    public async Task A_png_that_lacks_pixels_is_refused_although_it_ends_properly()
    {
        var rows = new byte[(8 * 3 + 1) * 8];
        var compressed = Corpus.Zlib(rows);

        await RefusedAsync(Corpus.PngOf(8, 8, 2, 8, Corpus.Zlib(rows.AsSpan(0, 60))), MediaError.ImageUnreadable);
        await RefusedAsync(Corpus.PngOf(8, 8, 2, 8, compressed[..^6]), MediaError.ImageUnreadable);
        await RefusedAsync(Corpus.PngOf(8, 8, 2, 8, [.. compressed[..^4], 1, 2, 3, 4]), MediaError.ImageUnreadable);
        await RefusedAsync(Corpus.PngOf(8, 8, 2, 8, [1, 2, 3]), MediaError.ImageUnreadable);
        await RefusedAsync(Corpus.PngOf(8, 8, 2, 8, []), MediaError.ImageUnreadable);
    }

    [Fact]
    public async Task A_png_with_a_flipped_bit_is_refused()
    {
        var whole = await Corpus.EncodeAsync(Corpus.Gradient(32, 32), "png");
        whole[60] ^= 0x10;

        var error = await RefusedAsync(whole, MediaError.ImageUnreadable);

        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_webp_that_lacks_pixels_is_refused_although_its_lengths_agree()
    {
        foreach (var format in new[] { "webp", "webp-lossless" })
        {
            var whole = await Corpus.EncodeAsync(Corpus.Gradient(96, 64), format);
            var body = whole[20..];
            await RefusedAsync(Corpus.Riff(Corpus.RiffChunk(Encoding.ASCII.GetString(whole, 12, 4), body[..(body.Length / 10)])), MediaError.ImageUnreadable);
        }
    }

    [Fact]
    public async Task An_animated_webp_is_refused_with_its_reason()
    {
        var error = await RefusedAsync(Corpus.Riff(Corpus.RiffChunk("VP8X", Corpus.Extended(0x02, 8, 8)), Corpus.RiffChunk("ANIM", new byte[6])), MediaError.ImageUnreadable);

        Assert.Contains("animation", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_webp_whose_picture_is_not_as_large_as_it_says_is_refused()
    {
        var whole = await Corpus.EncodeAsync(Corpus.Gradient(96, 64), "webp");

        await RefusedAsync(Corpus.Riff(Corpus.RiffChunk("VP8X", Corpus.Extended(0, 97, 64)), whole[12..]), MediaError.ImageUnreadable);
    }

    public static TheoryData<string, byte[]> TooManyPixels() => new()
    {
        { "png header", Corpus.PngOf(60_000, 60_000, 2, 8, []) },
        { "png header without pixels", Corpus.PngOf(60_000, 60_000, 2, 8, [])[..45] },
        { "jpeg header", [0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0xEA, 0x60, 0xEA, 0x60, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0] },
        { "webp header", Corpus.Riff(Corpus.RiffChunk("VP8X", Corpus.Extended(0, 60_000, 60_000))) },
        { "bomb of 16000 × 16000", Corpus.Bomb(16_000, 16_000) },
        { "needle", Corpus.PngOf(1, 40_000, 2, 8, []) },
        { "overflowing", Corpus.PngOf(int.MaxValue, int.MaxValue, 2, 8, []) },
    };

    [Theory]
    [MemberData(nameof(TooManyPixels), DisableDiscoveryEnumeration = true)]
    public async Task Too_many_pixels_are_refused_before_any_process_starts(string what, byte[] file)
    {
        using var none = FakeFfmpeg.Missing();

        var error = await RefusedAsync(file, MediaError.ImageTooLarge);

        Assert.True(error.Message.Contains("33,000,000 pixels", StringComparison.Ordinal), what);
    }

    [Fact]
    public async Task Zero_pixels_are_refused() => await RefusedAsync(Corpus.PngOf(0, 5, 2, 8, []), MediaError.ImageUnreadable);

    [Fact]
    public async Task Too_many_bytes_are_refused()
    {
        var error = await RefusedAsync(new byte[(20 << 20) + 1], MediaError.ImageTooLarge);

        Assert.Contains("20,971,521 bytes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_decoder_that_hangs_is_killed()
    {
        using var hanging = new FakeFfmpeg("exec sleep 1000");

        var error = await Assert.ThrowsAsync<MediaException>(async () =>
            await ImageReader.ReadAsync(await SmallAsync(), new ImageLimits { Timeout = TimeSpan.FromMilliseconds(200) }, Ct));

        Assert.Equal(MediaError.ImageUnreadable, error.Error);
        Assert.Contains("took longer than 0.2 s", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_decoder_that_talks_too_much_is_killed()
    {
        using var endless = new FakeFfmpeg("exec cat /dev/zero");

        await RefusedAsync(await SmallAsync(), MediaError.ImageUnreadable);
    }

    [Fact]
    public async Task A_decoder_cannot_write_files()
    {
        var file = Path.Combine(folder, "written");
        using var writer = new FakeFfmpeg($"echo secret > '{file}'; exec cat /dev/zero");

        await RefusedAsync(await SmallAsync(), MediaError.ImageUnreadable);

        Assert.Equal(0, new FileInfo(file).Length);
        File.Delete(file);
    }

    [Fact]
    public async Task A_decoder_sees_nothing_of_our_environment()
    {
        Environment.SetEnvironmentVariable("I2V_TEST_SECRET", "hush");
        using var leak = new FakeFfmpeg("env >&2; exit 1");
        var result = await ToolProcess.RunAsync(
            ToolPath.Ffmpeg(), [], new ToolLimits(), [], 10, TimeSpan.FromMinutes(1), Ct);
        Environment.SetEnvironmentVariable("I2V_TEST_SECRET", null);

        Assert.Contains("PATH=", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelling_kills_the_decoder()
    {
        using var hanging = new FakeFfmpeg("exec sleep 1000");
        using var cancel = new CancellationTokenSource();

        var reading = ImageReader.ReadAsync(await SmallAsync(), Limits, cancel.Token);
        Assert.False(reading.IsCompleted);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task A_missing_ffmpeg_is_said_so()
    {
        var small = await SmallAsync();
        using var none = FakeFfmpeg.Missing();

        var error = await RefusedAsync(small, MediaError.ToolMissing);

        Assert.Contains("I2V_FFMPEG", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsTransient);
    }

    private static Task<byte[]> SmallAsync() => Corpus.EncodeAsync(Corpus.Solid(4, 4, Corpus.Red), "png");

    private static async Task<MediaException> RefusedAsync(byte[] file, MediaError expected)
    {
        var error = await Assert.ThrowsAsync<MediaException>(() => ImageReader.NormaliseAsync(file, Limits, Ct));
        Assert.True(expected == error.Error, $"{file.Length} bytes: {error.Error}, {error.Message}");
        return error;
    }
}
