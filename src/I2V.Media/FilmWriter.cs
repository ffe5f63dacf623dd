namespace I2V.Media;

/// <summary>
/// Writes frames to an MP4 that every browser plays (H.264 High, yuv420p, BT.709, faststart) while they are made:
/// a write waits when ffmpeg is behind, so memory stays at a few frames.
/// </summary>
public sealed class FilmWriter : IAsyncDisposable
{
    private FilmWriter()
    {
    }

    /// <summary>Starts ffmpeg. <paramref name="width"/> and <paramref name="height"/> are even.</summary>
    /// <exception cref="MediaException">ffmpeg is missing.</exception>
    public static FilmWriter Start(string path, int width, int height, double fps) => throw new NotImplementedException();

    /// <exception cref="MediaException">ffmpeg ended early.</exception>
    public Task WriteAsync(RgbImage frame, CancellationToken ct) => throw new NotImplementedException();

    /// <summary>Ends the film and checks it with ffprobe. Without this call, disposing removes the unfinished file.</summary>
    /// <exception cref="MediaException">The film is not what was asked for.</exception>
    public Task<FilmInfo> FinishAsync(CancellationToken ct) => throw new NotImplementedException();

    /// <summary>Writes one frame as a JPEG.</summary>
    public static Task WritePosterAsync(string path, RgbImage frame, CancellationToken ct) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="NumFrames">Frames in the file.</param>
/// <param name="Fps">Frames per second.</param>
/// <param name="DurationSeconds">Frames divided by frames per second.</param>
/// <param name="Bytes">Size of the file.</param>
public sealed record FilmInfo(int Width, int Height, int NumFrames, double Fps, double DurationSeconds, long Bytes);
