using System.Globalization;
using I2V.Media.Tools;

namespace I2V.Media.Films;

/// <summary>How a film is encoded: the one place with the encoder's settings.</summary>
internal static class FilmEncoding
{
    /// <summary>For viewers and tools that look whether a film was made by a machine.</summary>
    public const string Comment = "AI-generated video";

    private const double KeyframeSeconds = 2;

    /// <summary>No limit on processor time, which depends on the film; 4 GiB of memory and of film.</summary>
    public static ToolLimits Limits { get; } = new() { AddressSpace = 4L << 30, FileSize = 4L << 30 };

    public static IEnumerable<string> Arguments(FilmInfo film, string path)
    {
        var gop = Math.Max(1, (int)Math.Round(film.Fps * KeyframeSeconds)).ToString(CultureInfo.InvariantCulture);
        return
        [
            "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-video_size", string.Create(CultureInfo.InvariantCulture, $"{film.Width}x{film.Height}"),
            "-framerate", film.Fps.ToString("0.######", CultureInfo.InvariantCulture),
            "-i", "pipe:0", "-map_metadata", "-1",

            // The tags only describe; without the matrix named here the numbers would be BT.601's.
            "-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p",
            "-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv",

            // Two threads everywhere: x264's output depends on their number, and the same frames shall give the same film.
            "-c:v", "libx264", "-profile:v", "high", "-preset", "veryfast", "-crf", "18", "-threads", "2",
            "-g", gop, "-flags", "+cgop", "-vsync", "cfr",
            "-metadata", "comment=" + Comment, "-movflags", "+faststart", "-f", "mp4", "file:" + path,
        ];
    }
}
