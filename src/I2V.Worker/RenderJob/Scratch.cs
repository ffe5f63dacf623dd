using I2V.Protocol.Jobs;
using I2V.Worker.Devices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker.RenderJob;

/// <summary>
/// Where running attempts keep their files: a folder per device, since only the holder of the device's lock may sweep it,
/// and in it a folder per attempt.
/// </summary>
internal sealed partial class Scratch
{
    private readonly string root;
    private readonly ILogger<Scratch> logger;

    public Scratch(IOptions<WorkerOptions> options, Device device, ILogger<Scratch> logger)
    {
        root = Path.Combine(Path.GetFullPath(options.Value.Scratch), FileName(device.Id));
        this.logger = logger;
        Sweep();
    }

    /// <summary>A new, empty folder that disposing removes.</summary>
    public AttemptFolder Open(Guid jobId, int attempt)
    {
        var path = Path.Combine(root, FormattableString.Invariant($"{JobId.Format(jobId)}-{attempt}"));
        Remove(path);
        Directory.CreateDirectory(path);
        return new AttemptFolder(path, Remove);
    }

    private static string FileName(string deviceId) => string.Concat(deviceId.Select(c => char.IsAsciiLetterOrDigit(c) || c == '-' ? c : '_'));

    /// <summary>Removes what a predecessor on this device left when it was killed.</summary>
    private void Sweep()
    {
        Directory.CreateDirectory(root);
        foreach (var leftover in Directory.EnumerateFileSystemEntries(root).ToList())
        {
            LogSwept(Path.GetFileName(leftover));
            Remove(leftover);
        }
    }

    private void Remove(string path)
    {
        try
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
            else
            {
                File.Delete(path);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotRemoved(Path.GetFileName(path), error.Message);
        }
    }

    [LoggerMessage(3101, LogLevel.Information, "Removed {Name}, left by a worker that was killed")]
    private partial void LogSwept(string name);

    [LoggerMessage(3102, LogLevel.Warning, "Could not remove {Name}: {Reason}")]
    private partial void LogNotRemoved(string name, string reason);
}

/// <summary>The files of one attempt.</summary>
internal sealed class AttemptFolder(string path, Action<string> remove) : IDisposable
{
    public string Video { get; } = Path.Combine(path, "video.mp4");

    public string Poster { get; } = Path.Combine(path, "poster.jpg");

    public string Manifest { get; } = Path.Combine(path, "manifest.json");

    public void Dispose() => remove(path);
}
