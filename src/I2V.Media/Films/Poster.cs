using System.Globalization;
using I2V.Media.Tools;

namespace I2V.Media.Films;

/// <summary>One frame as a JPEG, made by ffmpeg and written by us, so that a failed one leaves no file.</summary>
internal static class Poster
{
    private const int HeadroomBytes = 1 << 20;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    public static async Task WriteAsync(string path, RgbImage frame, CancellationToken ct)
    {
        string[] arguments =
        [
            "-nostdin", "-hide_banner", "-loglevel", "error",
            "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-video_size", string.Create(CultureInfo.InvariantCulture, $"{frame.Width}x{frame.Height}"), "-i", "pipe:0",
            "-frames:v", "1", "-threads", "1", "-sws_flags", "bicubic+accurate_rnd+full_chroma_int",
            "-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-f", "image2pipe", "pipe:1",
        ];
        var result = await ToolProcess.RunAsync(
            ToolPath.Ffmpeg(), arguments, new ToolLimits(), [frame.Pixels], frame.Pixels.Length + HeadroomBytes, Timeout, ct).ConfigureAwait(false);
        if (result.ExitCode != 0 || result.Output.Length == 0)
        {
            throw new MediaException(MediaError.EncodeFailed, $"The poster could not be written: ffmpeg failed ({result.LastError}).");
        }

        await SaveAsync(path, result.Output, ct).ConfigureAwait(false);
    }

    private static async Task SaveAsync(string path, byte[] jpeg, CancellationToken ct)
    {
        var part = path + ".part";
        try
        {
            await File.WriteAllBytesAsync(part, jpeg, ct).ConfigureAwait(false);
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            File.Delete(part);
        }
    }
}
