using System.Globalization;
using I2V.Media.Tools;

namespace I2V.Media.Images;

/// <summary>Turns an inspected file into pixels in an ffmpeg that may open, allocate and run no more than this picture needs.</summary>
internal static class ImageDecoder
{
    // Codecs pad rows to a multiple of this; the largest pixel (16-bit RGBA) has 8 bytes.
    private const int Padding = 128;
    private const int LargestPixel = 8;

    // Each decode may take half a gigabyte: as many at once as there are cores, the others wait.
    private static readonly SemaphoreSlim Slots = new(Environment.ProcessorCount);

    /// <summary>Upright, over white where it is transparent.</summary>
    public static async Task<RgbImage> DecodeAsync(ImageHeader header, ImageLimits limits, CancellationToken ct)
    {
        var ffmpeg = ToolPath.Ffmpeg();
        var bytes = checked(header.Width * header.Height * (header.HasAlpha ? 4 : 3));
        await Slots.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            var kernel = new ToolLimits { CpuSeconds = (int)Math.Ceiling(limits.Timeout.TotalSeconds) };
            var result = await ToolProcess.RunAsync(ffmpeg, Arguments(header), kernel, header.Essential, bytes, limits.Timeout, ct).ConfigureAwait(false);
            Check(header, limits, result, bytes);
            var rgb = header.HasAlpha ? Pixels.OverWhite(result.Output) : result.Output;
            return Pixels.Upright(header.Width, header.Height, rgb, header.Orientation);
        }
        finally
        {
            Slots.Release();
        }
    }

    private static void Check(ImageHeader header, ImageLimits limits, ToolResult result, int bytes)
    {
        if (result.TimedOut)
        {
            throw ImageHeader.Unreadable(string.Create(CultureInfo.InvariantCulture,
                $"The image took longer than {limits.Timeout.TotalSeconds:0.#} s to decode: save it again as a plain PNG or JPEG."));
        }

        if (result.Overflow || (result.Clean && result.Output.Length is > 0 && result.Output.Length != bytes))
        {
            throw ImageHeader.Unreadable("The image is damaged: its picture does not have the size that its header says.");
        }

        // An ffmpeg that refuses a file can end with code 0 and no picture, or with half of one and a complaint.
        if (!result.Clean || result.Output.Length == 0)
        {
            throw ImageHeader.Unreadable($"The {Name(header.Format)} file is cut off, damaged or of a rare kind: its pixels could not be decoded.");
        }
    }

    private static string[] Arguments(ImageHeader header)
    {
        var (demuxer, codec) = header.Format switch
        {
            "png" => ("png_pipe", "png"),
            "jpeg" => ("jpeg_pipe", "mjpeg"),
            _ => ("webp_pipe", "webp"),
        };
        var pixels = (header.Width + Padding) * (header.Height + (long)Padding);
        return
        [
            "-nostdin", "-hide_banner", "-loglevel", "error",
            "-max_alloc", (pixels * LargestPixel + (1 << 20)).ToString(CultureInfo.InvariantCulture),
            "-protocol_whitelist", "pipe", "-format_whitelist", demuxer, "-codec_whitelist", codec,
            "-max_pixels", pixels.ToString(CultureInfo.InvariantCulture),
            "-err_detect", "explode", "-xerror", "-noautorotate", "-threads", "1",
            "-f", demuxer, "-c:v", codec, "-i", "pipe:0",
            "-map", "0:v:0", "-frames:v", "1", "-threads", "1",
            "-sws_flags", "bicubic+accurate_rnd+full_chroma_int",
            "-pix_fmt", header.HasAlpha ? "rgba" : "rgb24", "-f", "rawvideo", "pipe:1",
        ];
    }

    private static string Name(string format) => format switch
    {
        "png" => "PNG",
        "jpeg" => "JPEG",
        _ => "WebP",
    };
}
