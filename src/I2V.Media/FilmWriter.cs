using System.Globalization;
using I2V.Media.Films;
using I2V.Media.Tools;

namespace I2V.Media;

/// <summary>
/// Writes frames to an MP4 that every browser plays (H.264 High, yuv420p, BT.709, faststart) while they are made:
/// a write waits when ffmpeg is behind, so memory stays at a few frames. The film grows under <c>NAME.part</c> and gets
/// its name when it is finished and checked. Not safe for two callers at once.
/// </summary>
public sealed class FilmWriter : IAsyncDisposable
{
    // An encoder that takes no frame for this long hangs (a full or dead disk), and the GPU behind it waits.
    private static readonly TimeSpan StallTimeout = TimeSpan.FromMinutes(2);

    private readonly ToolProcess ffmpeg;
    private readonly FilmInfo wanted;
    private readonly string path;
    private readonly string part;
    private int frames;

    private FilmWriter(ToolProcess ffmpeg, string path, string part, FilmInfo wanted)
    {
        this.ffmpeg = ffmpeg;
        this.path = path;
        this.part = part;
        this.wanted = wanted;
    }

    /// <summary>Starts ffmpeg.</summary>
    /// <param name="path">The film; its folder exists. A file of that name is replaced at the end.</param>
    /// <param name="width">Pixels, even, at least 2.</param>
    /// <param name="height">Pixels, even, at least 2.</param>
    /// <param name="fps">Frames per second, above 0 and at most 240.</param>
    /// <exception cref="ArgumentException">A size or rate that the film cannot have.</exception>
    /// <exception cref="MediaException"><see cref="MediaError.ToolMissing"/>.</exception>
    public static FilmWriter Start(string path, int width, int height, double fps)
    {
        // x264 would crop the last column or row without a word.
        if (width < 2 || height < 2 || width % 2 != 0 || height % 2 != 0)
        {
            throw new ArgumentException($"A film's sides are even and at least 2 pixels; {width}×{height} is not.");
        }

        if (fps is not (> 0 and <= 240))
        {
            throw new ArgumentOutOfRangeException(nameof(fps), fps, "A film has more than 0 and at most 240 frames per second.");
        }

        var full = Path.GetFullPath(path);
        var part = full + ".part";
        var wanted = new FilmInfo(width, height, 0, fps, 0, 0);
        return new FilmWriter(ToolProcess.Start(ToolPath.Ffmpeg(), FilmEncoding.Arguments(wanted, part), FilmEncoding.Limits), full, part, wanted);
    }

    /// <param name="frame">As large as the film.</param>
    /// <exception cref="ArgumentException">The frame has another size.</exception>
    /// <exception cref="MediaException"><see cref="MediaError.EncodeFailed"/>: ffmpeg ended early or hangs.</exception>
    /// <exception cref="OperationCanceledException">The film is lost: half a frame may have been written.</exception>
    public async Task WriteAsync(RgbImage frame, CancellationToken ct)
    {
        if (frame.Width != wanted.Width || frame.Height != wanted.Height || frame.Pixels.Length != frame.Width * frame.Height * 3)
        {
            throw new ArgumentException($"The frame is {frame.Width}×{frame.Height} with {frame.Pixels.Length} bytes; the film is {wanted.Width}×{wanted.Height}.", nameof(frame));
        }

        await GuardAsync(() => ffmpeg.Input.WriteAsync(frame.Pixels, CancellationToken.None).AsTask(), ct).ConfigureAwait(false);
        frames++;
    }

    /// <summary>Ends the film and checks it with ffprobe. Without this call, disposing removes the unfinished file.</summary>
    /// <exception cref="MediaException"><see cref="MediaError.EncodeFailed"/>: the film is not what was asked for.</exception>
    public async Task<FilmInfo> FinishAsync(CancellationToken ct)
    {
        if (frames == 0)
        {
            throw new MediaException(MediaError.EncodeFailed, "The film has no frames.");
        }

        var (exitCode, errors) = (0, "");
        await GuardAsync(
            async () =>
            {
                ffmpeg.Input.Close();
                (exitCode, errors) = await ffmpeg.WaitAsync().ConfigureAwait(false);
            },
            ct).ConfigureAwait(false);
        if (exitCode != 0)
        {
            throw Failed(exitCode, errors);
        }

        var film = await FilmProbe.CheckAsync(part, wanted with { NumFrames = frames }, ct).ConfigureAwait(false);
        File.Move(part, path, overwrite: true);
        return film;
    }

    /// <summary>Writes one frame as a JPEG, whole or not at all.</summary>
    /// <param name="path">The picture; its folder exists. A file of that name is replaced.</param>
    /// <exception cref="MediaException"><see cref="MediaError.EncodeFailed"/> or <see cref="MediaError.ToolMissing"/>.</exception>
    public static Task WritePosterAsync(string path, RgbImage frame, CancellationToken ct) => Poster.WriteAsync(path, frame, ct);

    public async ValueTask DisposeAsync()
    {
        await ffmpeg.DisposeAsync().ConfigureAwait(false);
        if (File.Exists(part))
        {
            File.Delete(part);
        }
    }

    /// <summary>Runs one exchange with ffmpeg; cancelling or stalling kills it, because a pipe write cannot be taken back.</summary>
    private async Task GuardAsync(Func<Task> exchange, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stall.CancelAfter(StallTimeout);
        await using var kill = ffmpeg.KillOn(stall.Token).ConfigureAwait(false);
        try
        {
            await exchange().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            ct.ThrowIfCancellationRequested();
            ffmpeg.Kill();
            var (exitCode, errors) = await ffmpeg.WaitAsync().ConfigureAwait(false);
            throw Failed(exitCode, errors, error);
        }

        ct.ThrowIfCancellationRequested();
    }

    private MediaException Failed(int exitCode, string errors, Exception? inner = null)
    {
        var last = new ToolResult(exitCode, [], errors, false, false).LastError;
        var named = last.Replace(part, Path.GetFileName(path), StringComparison.Ordinal);
        return new MediaException(MediaError.EncodeFailed, string.Create(CultureInfo.InvariantCulture,
            $"The film could not be written: ffmpeg ended after {frames} frames ({named})."), inner);
    }
}

/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="NumFrames">Frames in the file.</param>
/// <param name="Fps">Frames per second.</param>
/// <param name="DurationSeconds">Frames divided by frames per second.</param>
/// <param name="Bytes">Size of the file.</param>
public sealed record FilmInfo(int Width, int Height, int NumFrames, double Fps, double DurationSeconds, long Bytes);
