using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using I2V.Inference.Models;
using I2V.Protocol;
using I2V.Worker.Devices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Fitting;

/// <summary>
/// What this worker's own runs took, by package, on its device; kept on disk, so that a restart forgets nothing. A measured
/// run says more about this card, driver and package than any prediction. Thread-safe.
/// </summary>
internal sealed partial class ProfileStore(IOptions<WorkerOptions> options, Device device, ILogger<ProfileStore> logger)
{
    /// <summary>How much a new run counts beside what is known of the seconds: a card's pace changes with its heat and its neighbours.</summary>
    private const double NewShare = 0.3;

    private readonly Lock gate = new();
    private readonly string folder = Path.GetFullPath(options.Value.State);
    private readonly Dictionary<string, List<FitProfile>> known = [];

    /// <param name="packageSha256">Of the package's manifest: another build of the same model is another package.</param>
    public IReadOnlyList<FitProfile> Of(string packageSha256)
    {
        lock (gate)
        {
            return [.. Read(packageSha256)];
        }
    }

    /// <summary>Keeps a run: the most memory that was ever seen, and a pace that follows the last runs.</summary>
    public void Learn(string packageSha256, FitProfile run)
    {
        lock (gate)
        {
            var profiles = Read(packageSha256);
            var at = profiles.FindIndex(profile => SameKind(profile, run));
            if (at < 0)
            {
                profiles.Add(run);
            }
            else
            {
                profiles[at] = Merge(profiles[at], run);
            }

            Write(packageSha256, profiles);
        }
    }

    internal static FitProfile Merge(FitProfile before, FitProfile now) => before with
    {
        PhasePeakBytes = before.PhasePeakBytes.Keys.Union(now.PhasePeakBytes.Keys)
            .ToDictionary(phase => phase, phase => Math.Max(before.PhasePeakBytes.GetValueOrDefault(phase), now.PhasePeakBytes.GetValueOrDefault(phase))),
        EncodeSeconds = Blend(before.EncodeSeconds, now.EncodeSeconds),
        SecondsPerStep = Blend(before.SecondsPerStep, now.SecondsPerStep),
        DecodeSeconds = Blend(before.DecodeSeconds, now.DecodeSeconds),
    };

    private static bool SameKind(FitProfile a, FitProfile b) =>
        (a.Device, a.Rung, a.Width, a.Height, a.NumFrames, a.Guided) == (b.Device, b.Rung, b.Width, b.Height, b.NumFrames, b.Guided);

    private static double? Blend(double? before, double? now) => (before, now) switch
    {
        ({ } old, { } fresh) => Math.Round(((1 - NewShare) * old) + (NewShare * fresh), 4),
        (null, var fresh) => fresh,
        (var old, null) => old,
    };

    private List<FitProfile> Read(string package)
    {
        if (known.TryGetValue(package, out var profiles))
        {
            return profiles;
        }

        var path = PathOf(package);
        try
        {
            profiles = File.Exists(path) ? JsonSerializer.Deserialize<List<FitProfile>>(File.ReadAllBytes(path), I2VJson.Options) ?? [] : [];
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            // Learned figures are worth little beside a worker that runs: it learns them again.
            LogNotRead(Path.GetFileName(path), error.Message);
            profiles = [];
        }

        return known[package] = profiles;
    }

    private void Write(string package, List<FitProfile> profiles)
    {
        var path = PathOf(package);
        try
        {
            Directory.CreateDirectory(folder);
            var partial = $"{path}.{Environment.ProcessId}";
            File.WriteAllBytes(partial, JsonSerializer.SerializeToUtf8Bytes(profiles, I2VJson.Options));
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
}
