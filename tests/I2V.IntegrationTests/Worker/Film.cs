using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using I2V.Cli.Jobs;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.Media;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>A downloaded film, looked at with ffprobe and ffmpeg, not with our own code.</summary>
internal sealed record Film(string Path, string Codec, string PixelFormat, int Width, int Height, int FrameCount, IReadOnlyList<string> Boxes, IReadOnlyList<RgbImage> Frames)
{
    public static async Task<Film> DownloadAsync(JobObject job)
    {
        var path = System.IO.Path.Combine(TestFolder.Create("film"), "film.mp4");
        await FilmFile.DownloadAsync(job, path, TimeProvider.System, TestContext.Current.CancellationToken);
        return await OpenAsync(path);
    }

    public static async Task<Film> OpenAsync(string path)
    {
        var ct = TestContext.Current.CancellationToken;
        var probed = await ToolProcess.RunAsync("ffprobe", ["-v", "error", "-count_frames", "-show_streams", "-of", "json", path], ct);
        probed.ThrowIfFailed();
        var stream = JsonDocument.Parse(probed.Output).RootElement.GetProperty("streams")[0];
        var (width, height) = (stream.GetProperty("width").GetInt32(), stream.GetProperty("height").GetInt32());
        return new Film(
            path,
            stream.GetProperty("codec_name").GetString()!,
            stream.GetProperty("pix_fmt").GetString()!,
            width,
            height,
            int.Parse(stream.GetProperty("nb_read_frames").GetString()!, System.Globalization.CultureInfo.InvariantCulture),
            TopLevelBoxes(await File.ReadAllBytesAsync(path, ct)),
            await DecodeAsync(path, width, height, ct));
    }

    /// <summary>Mean difference of two frames' channels, 0 … 255.</summary>
    public static double Difference(RgbImage a, RgbImage b) => a.Pixels.Zip(b.Pixels, (x, y) => Math.Abs(x - y)).Average();

    public static (byte R, byte G, byte B) Pixel(RgbImage frame, int x, int y)
    {
        var at = ((y * frame.Width) + x) * 3;
        return (frame.Pixels[at], frame.Pixels[at + 1], frame.Pixels[at + 2]);
    }

    private static async Task<IReadOnlyList<RgbImage>> DecodeAsync(string path, int width, int height, CancellationToken ct)
    {
        var raw = path + ".rgb";
        var decoded = await ToolProcess.RunAsync("ffmpeg", ["-v", "error", "-y", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", raw], ct);
        decoded.ThrowIfFailed();
        var bytes = await File.ReadAllBytesAsync(raw, ct);
        return [.. bytes.Chunk(width * height * 3).Select(pixels => new RgbImage(width, height, pixels))];
    }

    private static List<string> TopLevelBoxes(byte[] file)
    {
        var boxes = new List<string>();
        for (var at = 0; at + 8 <= file.Length; at += (int)BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at)))
        {
            boxes.Add(Encoding.ASCII.GetString(file, at + 4, 4));
        }

        return boxes;
    }
}
