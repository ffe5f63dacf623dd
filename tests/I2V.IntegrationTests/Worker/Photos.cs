using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>Pictures to submit, and settings that make work quick or slow.</summary>
internal static class Photos
{
    /// <summary>Half a second of work.</summary>
    public static JobSettings Quick { get; } = new() { Prompt = "slow zoom in", Width = 128, Height = 96, NumFrames = 8, Seed = 7 };

    /// <summary>As little work as a film can be.</summary>
    public static JobSettings Tiny { get; } = new() { Prompt = "slow zoom in", Width = 64, Height = 64, NumFrames = 2, Seed = 7 };

    /// <summary>Many seconds of work, a fraction of a second per step.</summary>
    public static JobSettings Slow { get; } = new() { Prompt = "slow zoom in", Width = 1536, Height = 1024, NumFrames = 64, Seed = 7 };

    /// <summary>A test pattern of 360×240.</summary>
    public static Task<string> PatternAsync() => MakeAsync("photo.png", "testsrc2=size=360x240");

    /// <summary>Stored 200×100, red on the left and blue on the right; to be turned right by a quarter, so upright it is 100×200 with red on top.</summary>
    public static async Task<string> TurnedAsync()
    {
        var path = await MakeAsync("turned.jpg", "color=red:size=100x100,format=rgb24[a];color=blue:size=100x100,format=rgb24[b];[a][b]hstack");
        var jpeg = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(path, [.. jpeg[..2], .. ExifOrientation(6), .. jpeg[2..]], TestContext.Current.CancellationToken);
        return path;
    }

    private static async Task<string> MakeAsync(string name, string source)
    {
        var path = Path.Combine(TestFolder.Create("photo"), name);
        var made = await ToolProcess.RunAsync(
            "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "1", path], TestContext.Current.CancellationToken);
        made.ThrowIfFailed();
        return path;
    }

    /// <summary>An APP1 segment with one entry.</summary>
    private static byte[] ExifOrientation(byte orientation)
    {
        byte[] tiff =
        [
            (byte)'M', (byte)'M', 0, 42, 0, 0, 0, 8, // big-endian, first directory at 8
            0, 1, // one entry
            0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, // Orientation, SHORT, one value
            0, 0, 0, 0, // no further directory
        ];
        var payload = (byte[])[.. "Exif\0\0"u8, .. tiff];
        var length = payload.Length + 2;
        return [0xFF, 0xE1, (byte)(length >> 8), (byte)length, .. payload];
    }
}
