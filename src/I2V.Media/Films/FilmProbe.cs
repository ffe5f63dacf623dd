using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using I2V.Media.Tools;

namespace I2V.Media.Films;

/// <summary>Looks at a finished film with ffprobe and refuses one that browsers might not play.</summary>
internal static class FilmProbe
{
    private const int MaxReport = 64 << 10;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    /// <summary>What is in the file, when that is what was <paramref name="wanted"/>.</summary>
    /// <exception cref="MediaException"><see cref="MediaError.EncodeFailed"/>.</exception>
    public static async Task<FilmInfo> CheckAsync(string path, FilmInfo wanted, CancellationToken ct)
    {
        var stream = await ProbeAsync(path, ct).ConfigureAwait(false);
        var found = stream.ToFilm(new FileInfo(path).Length);
        if (stream.CodecName != "h264" || stream.PixFmt != "yuv420p" || stream.ColorSpace != "bt709")
        {
            throw Wrong($"it is {stream.CodecName}, {stream.PixFmt}, {stream.ColorSpace} instead of h264, yuv420p, bt709");
        }

        if ((found.Width, found.Height, found.NumFrames) != (wanted.Width, wanted.Height, wanted.NumFrames)
            || Math.Abs(found.Fps - wanted.Fps) > wanted.Fps / 1000)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture,
                $"it has {found.NumFrames} frames of {found.Width}×{found.Height} at {found.Fps:0.###}/s instead of {wanted.NumFrames} of {wanted.Width}×{wanted.Height} at {wanted.Fps:0.###}/s"));
        }

        return await Mp4.IndexComesFirstAsync(path, ct).ConfigureAwait(false)
            ? found
            : throw Wrong("its index is at the end, so that it could not be played while it loads");
    }

    public static async Task<FilmStream> ProbeAsync(string path, CancellationToken ct)
    {
        string[] arguments =
        [
            "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file", "-f", "mp4",
            "-print_format", "json", "-count_packets", "-select_streams", "v:0", "-show_streams", "-show_format", "file:" + path,
        ];
        var result = await ToolProcess.RunAsync(ToolPath.Ffprobe(), arguments, new ToolLimits(), [], MaxReport, Timeout, ct).ConfigureAwait(false);
        if (!result.Clean)
        {
            throw Wrong("ffprobe cannot read it");
        }

        var report = JsonSerializer.Deserialize(result.Output, FilmReportJson.Default.FilmReport);
        return report?.Streams is [var stream, ..] ? stream with { Tags = report.Format?.Tags } : throw Wrong("there is no picture in it");
    }

    private static MediaException Wrong(string what) => new(MediaError.EncodeFailed, $"The film was not written as it should be: {what}.");
}

internal sealed record FilmReport(IReadOnlyList<FilmStream>? Streams, FilmFormat? Format);

internal sealed record FilmFormat(IReadOnlyDictionary<string, string>? Tags);

/// <summary>ffprobe's names.</summary>
internal sealed record FilmStream
{
    public string? CodecName { get; init; }

    public string? Profile { get; init; }

    public string? PixFmt { get; init; }

    public string? ColorSpace { get; init; }

    public string? ColorRange { get; init; }

    public string? ColorPrimaries { get; init; }

    public string? ColorTransfer { get; init; }

    public int Width { get; init; }

    public int Height { get; init; }

    /// <summary>A fraction, such as <c>8/1</c>.</summary>
    public string? AvgFrameRate { get; init; }

    /// <summary>A number in a string.</summary>
    public string? NbReadPackets { get; init; }

    /// <summary>The file's metadata.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    public FilmInfo ToFilm(long bytes)
    {
        var frames = int.TryParse(NbReadPackets, CultureInfo.InvariantCulture, out var packets) ? packets : 0;
        var fps = AvgFrameRate?.Split('/') is [var above, var below]
            && double.TryParse(above, CultureInfo.InvariantCulture, out var numerator)
            && double.TryParse(below, CultureInfo.InvariantCulture, out var denominator)
            && denominator > 0
                ? numerator / denominator
                : 0;
        return new FilmInfo(Width, Height, frames, fps, fps > 0 ? frames / fps : 0, bytes);
    }
}

[JsonSerializable(typeof(FilmReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class FilmReportJson : JsonSerializerContext;
