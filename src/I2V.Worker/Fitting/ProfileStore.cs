using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using I2V.Inference.Models;
using I2V.Inference.Planning;
using I2V.Protocol;
using I2V.Worker.Devices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Fitting;

/// <summary>
/// What this worker's own runs taught, by package, on its device; kept on disk, so that a restart forgets nothing. A measured
/// run, or one that ran out of memory, says more about this card, driver and package than any prediction. Thread-safe.
/// </summary>
internal sealed partial class ProfileStore(IOptions<WorkerOptions> options, Device device, ILogger<ProfileStore> logger)
{
    private readonly Lock gate = new();
    private readonly string folder = Path.GetFullPath(options.Value.State);
    private readonly Dictionary<string, LearnedFits> known = [];

    /// <param name="packageSha256">Of the package's manifest: another build of the same model is another package.</param>
    public LearnedFits Of(string packageSha256)
    {
        lock (gate)
        {
            return Read(packageSha256);
        }
    }

    /// <summary>Keeps a run that ended well.</summary>
    public void Learn(string packageSha256, FitProfile run)
    {
        lock (gate)
        {
            Write(packageSha256, Read(packageSha256).With(run));
        }
    }

    /// <summary>Keeps a run that memory ran out in.</summary>
    public void Learn(string packageSha256, FitShortage shortage)
    {
        LogRanOut(shortage.Phase.ToString().ToLowerInvariant(), shortage.Width, shortage.Height, shortage.NumFrames, shortage.Rung, shortage.NeededBytes);
        lock (gate)
        {
            Write(packageSha256, Read(packageSha256).With(shortage));
        }
    }

    private LearnedFits Read(string package)
    {
        if (known.TryGetValue(package, out var learned))
        {
            return learned;
        }

        var path = PathOf(package);
        learned = LearnedFits.None;
        try
        {
            if (File.Exists(path) && JsonSerializer.Deserialize<LearnedFits>(File.ReadAllBytes(path), I2VJson.Options) is { Profiles: not null, Shortages: not null } kept)
            {
                learned = kept;
            }
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            // Learned figures are worth little beside a worker that runs: it learns them again.
            LogNotRead(Path.GetFileName(path), error.Message);
        }

        return known[package] = learned;
    }

    private void Write(string package, LearnedFits learned)
    {
        known[package] = learned;
        var path = PathOf(package);
        try
        {
            Directory.CreateDirectory(folder);
            var partial = $"{path}.{Environment.ProcessId}";
            File.WriteAllBytes(partial, JsonSerializer.SerializeToUtf8Bytes(learned, I2VJson.Options));
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotWritten(Path.GetFileName(path), error.Message);
        }
    }

    /// <summary>A device's id may hold any character, so its hash names the file.</summary>
    private string PathOf(string package) =>
        Path.Combine(folder, $"profiles-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(device.Id)))[..16]}-{package[..16]}.json");

    [LoggerMessage(6001, LogLevel.Warning, "The learned profiles in {File} cannot be read and are learned anew: {Reason}")]
    private partial void LogNotRead(string file, string reason);

    [LoggerMessage(6002, LogLevel.Warning, "The learned profiles cannot be kept in {File}: {Reason}")]
    private partial void LogNotWritten(string file, string reason);

    [LoggerMessage(6003, LogLevel.Information, "Memory ran out in the phase {Phase} of {Width}×{Height} with {Frames} frames on the rung {Rung}: plans know from now on that it needs at least {NeededBytes} bytes of tensors")]
    private partial void LogRanOut(string phase, int width, int height, int frames, string rung, long neededBytes);
}
