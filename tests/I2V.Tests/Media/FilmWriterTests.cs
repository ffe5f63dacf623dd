using I2V.Media;
using I2V.Media.Films;
using I2V.Media.Tools;

namespace I2V.Tests.Media;

[Collection(OwnFfmpeg.Name)]
public sealed class FilmWriterTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("i2v-films-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Film => Path.Combine(folder, "film.mp4");

    public void Dispose()
    {
        Leftovers.AssertNone();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(64, 48, 16, 8.0)]
    [InlineData(2, 2, 1, 1.0)]
    [InlineData(258, 130, 30, 23.976)]
    public async Task A_film_is_what_was_asked_for(int width, int height, int frames, double fps)
    {
        var info = await WriteAsync(width, height, frames, fps);

        Assert.Equal((width, height, frames), (info.Width, info.Height, info.NumFrames));
        Assert.Equal(fps, info.Fps, 3);
        Assert.Equal(frames / fps, info.DurationSeconds, 2);
        Assert.Equal(new FileInfo(Film).Length, info.Bytes);
        Assert.Equal([Film], Directory.EnumerateFiles(folder));
    }

    [Fact]
    public async Task A_film_plays_in_every_browser()
    {
        await WriteAsync(64, 48, 40, 8);

        var stream = await FilmProbe.ProbeAsync(Film, Ct);

        Assert.Equal(("h264", "High", "yuv420p"), (stream.CodecName, stream.Profile, stream.PixFmt));
        Assert.Equal(("bt709", "bt709", "bt709", "tv"), (stream.ColorSpace, stream.ColorPrimaries, stream.ColorTransfer, stream.ColorRange));
        Assert.Equal("AI-generated video", stream.Tags?["comment"]);
        Assert.True(await Mp4.IndexComesFirstAsync(Film, Ct));

        // A player can jump to within two seconds of anywhere.
        int[] keyframes = [.. await KeyframesAsync(), 40];
        Assert.Equal(0, keyframes[0]);
        Assert.All(keyframes.Zip(keyframes.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 1, 16));
    }

    [Fact]
    public async Task A_film_whose_index_comes_last_is_recognised()
    {
        await WriteAsync(64, 48, 4, 8);
        var slow = Path.Combine(folder, "slow.mp4");
        await Ffmpeg.RunAsync(default, "-i", Film, "-c", "copy", slow);

        Assert.False(await Mp4.IndexComesFirstAsync(slow, Ct));
        var error = await Assert.ThrowsAsync<MediaException>(() => FilmProbe.CheckAsync(slow, new FilmInfo(64, 48, 4, 8, 0.5, 0), Ct));
        Assert.Contains("index", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Colours_survive_the_way_into_the_film_and_back()
    {
        byte[][] colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [230, 140, 40], [30, 90, 60]];
        await using (var writer = FilmWriter.Start(Film, 32, 32, 4))
        {
            foreach (var colour in colours)
            {
                await writer.WriteAsync(Corpus.Solid(32, 32, colour), Ct);
            }

            await writer.FinishAsync(Ct);
        }

        var decoded = await Ffmpeg.RunAsync(default, "-i", Film, "-sws_flags", "accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1");

        Assert.Equal(colours.Length * 32 * 32 * 3, decoded.Length);
        for (var frame = 0; frame < colours.Length; frame++)
        {
            var middle = decoded.AsSpan((frame * 32 * 32 + 16 * 32 + 16) * 3, 3).ToArray();
            Assert.True(colours[frame].Zip(middle, (wanted, found) => Math.Abs(wanted - found)).Max() <= 4,
                $"Frame {frame} is {string.Join(',', middle)} instead of {string.Join(',', colours[frame])}.");
        }
    }

    [Fact]
    public async Task The_same_frames_give_the_same_film()
    {
        await WriteAsync(64, 48, 16, 8);
        var first = await File.ReadAllBytesAsync(Film, Ct);
        await WriteAsync(64, 48, 16, 8);

        Assert.Equal(first, await File.ReadAllBytesAsync(Film, Ct));
    }

    [Fact]
    public async Task Disposing_before_the_end_leaves_nothing()
    {
        await using (var writer = FilmWriter.Start(Film, 64, 48, 8))
        {
            await writer.WriteAsync(Corpus.Gradient(64, 48), Ct);
        }

        Leftovers.AssertNone(folder);
    }

    [Fact]
    public async Task An_unfinished_film_does_not_touch_the_one_before()
    {
        await File.WriteAllTextAsync(Film, "before", Ct);
        await using (var writer = FilmWriter.Start(Film, 64, 48, 8))
        {
            await writer.WriteAsync(Corpus.Gradient(64, 48), Ct);
        }

        Assert.Equal("before", await File.ReadAllTextAsync(Film, Ct));
    }

    [Fact]
    public async Task Cancelling_a_write_ends_ffmpeg_even_when_it_hangs()
    {
        using var hanging = new FakeFfmpeg("exec sleep 1000");
        using var cancel = new CancellationTokenSource();
        await using (var writer = FilmWriter.Start(Film, 512, 512, 8))
        {
            // More than a pipe holds, so that it waits for a reader that never comes.
            var writing = writer.WriteAsync(Corpus.Solid(512, 512, Corpus.Red), cancel.Token);
            Assert.False(writing.IsCompleted);
            await cancel.CancelAsync();

            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing);
        }

        Leftovers.AssertNone(folder);
    }

    [Fact]
    public async Task An_ffmpeg_that_dies_says_why()
    {
        using var dying = new FakeFfmpeg("head -c 10 > /dev/null; echo first >&2; echo 'No space left on device' >&2; exit 3");
        await using var writer = FilmWriter.Start(Film, 512, 512, 8);

        var error = await Assert.ThrowsAsync<MediaException>(async () =>
        {
            await writer.WriteAsync(Corpus.Solid(512, 512, Corpus.Red), Ct);
            await writer.WriteAsync(Corpus.Solid(512, 512, Corpus.Red), Ct);
        });

        Assert.Equal(MediaError.EncodeFailed, error.Error);
        Assert.EndsWith("(No space left on device).", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsTransient);
    }

    [Fact]
    public async Task A_folder_that_does_not_exist_is_a_failure_without_its_path()
    {
        await using var writer = FilmWriter.Start(Path.Combine(folder, "missing", "film.mp4"), 64, 48, 8);

        var error = await Assert.ThrowsAsync<MediaException>(async () =>
        {
            await writer.WriteAsync(Corpus.Gradient(64, 48), Ct);
            await writer.FinishAsync(Ct);
        });

        Assert.Equal(MediaError.EncodeFailed, error.Error);
        Assert.DoesNotContain(folder, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_film_without_frames_is_refused()
    {
        await using var writer = FilmWriter.Start(Film, 64, 48, 8);

        Assert.Equal(MediaError.EncodeFailed, (await Assert.ThrowsAsync<MediaException>(() => writer.FinishAsync(Ct))).Error);
    }

    [Theory]
    [InlineData(63, 48, 8.0)]
    [InlineData(64, 47, 8.0)]
    [InlineData(0, 48, 8.0)]
    [InlineData(64, 48, 0.0)]
    [InlineData(64, 48, double.NaN)]
    [InlineData(64, 48, 1000.0)]
    public void Sizes_and_rates_that_no_film_can_have_are_refused(int width, int height, double fps) =>
        Assert.ThrowsAny<ArgumentException>(() => FilmWriter.Start(Film, width, height, fps));

    [Fact]
    public async Task A_frame_of_another_size_is_refused()
    {
        await using var writer = FilmWriter.Start(Film, 64, 48, 8);

        await Assert.ThrowsAsync<ArgumentException>(() => writer.WriteAsync(Corpus.Gradient(64, 50), Ct));
    }

    [Theory]
    [InlineData(64, 48)]
    [InlineData(63, 47)]
    public async Task A_poster_is_a_jpeg_of_the_frame(int width, int height)
    {
        var path = Path.Combine(folder, "poster.jpg");

        await FilmWriter.WritePosterAsync(path, Corpus.Solid(width, height, [200, 100, 50]), Ct);

        var poster = await ImageReader.NormaliseAsync(await File.ReadAllBytesAsync(path, Ct), new ImageLimits(), Ct);
        Assert.Equal((width, height, "jpeg"), (poster.Width, poster.Height, poster.SourceFormat));
        var pixels = (await ImageReader.ReadAsync(poster.Png, new ImageLimits(), Ct)).Pixels;
        Assert.True(new byte[] { 200, 100, 50 }.Zip(pixels, (wanted, found) => Math.Abs(wanted - found)).Max() <= 4);
        Assert.Equal([path], Directory.EnumerateFiles(folder));
    }

    private async Task<FilmInfo> WriteAsync(int width, int height, int frames, double fps)
    {
        await using var writer = FilmWriter.Start(Film, width, height, fps);
        for (var frame = 0; frame < frames; frame++)
        {
            await writer.WriteAsync(Corpus.Solid(width, height, [(byte)(frame * 6), 100, 50]), Ct);
        }

        return await writer.FinishAsync(Ct);
    }

    /// <summary>Numbers of the frames that a player can jump to.</summary>
    private async Task<IEnumerable<int>> KeyframesAsync()
    {
        string[] arguments = ["-loglevel", "error", "-select_streams", "v:0", "-show_entries", "packet=flags", "-print_format", "csv=print_section=0", Film];
        var list = await ToolProcess.RunAsync(ToolPath.Ffprobe(), arguments, new ToolLimits(), [], 1 << 16, TimeSpan.FromMinutes(1), Ct);
        return System.Text.Encoding.ASCII.GetString(list.Output).Split('\n').Index().Where(line => line.Item.StartsWith('K')).Select(line => line.Index);
    }
}
