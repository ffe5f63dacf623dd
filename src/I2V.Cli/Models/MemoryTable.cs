using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Cli.Models;

/// <summary>What a film needs on each rung of the ladder, by the package's own figures.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="NumFrames">Of the film.</param>
/// <param name="Rungs">The least frugal first.</param>
internal sealed record MemoryRow(int Width, int Height, int NumFrames, IReadOnlyList<RungMemory> Rungs)
{
    public string Text => FormattableString.Invariant($"{Width}×{Height}, {NumFrames} frames: {string.Join(", ", Rungs.Select(rung => $"{rung.Rung} {ByteText.Of(rung.PeakBytes)}"))}");
}

/// <param name="Rung">Its name.</param>
/// <param name="PeakBytes">Predicted bytes of the device at most, but for the driver's context and libraries.</param>
internal sealed record RungMemory(string Rung, long PeakBytes);

internal static class MemoryTable
{
    /// <summary>A film of the default size, and the largest wide one of each line of the envelope; none where the package has no figures.</summary>
    public static IReadOnlyList<MemoryRow> Of(ModelManifest manifest)
    {
        if (manifest.Memory is null)
        {
            return [];
        }

        var (side, frames) = (manifest.Sizes.DefaultLongestSide, manifest.Defaults.NumFrames);
        var films = new[] { (side, side, frames) }.Concat((manifest.Envelope ?? []).Select(line => Largest(manifest, line)));
        return [.. films.Distinct().Select(film => Row(manifest, film))];
    }

    private static MemoryRow Row(ModelManifest manifest, (int Width, int Height, int NumFrames) film)
    {
        var provider = manifest.Components.Values.Any(component => component.Target == "fused") ? "cuda" : "cpu";
        var device = new DeviceSnapshot
        {
            Provider = provider,
            Id = provider,
            Name = provider,
            TotalBytes = 0,
            FreeBytes = 0,
            HeldBytes = 0,
            OverheadBytes = 0, // is the device's, not the package's
            HostFreeBytes = 0,
        };
        var (memory, guided) = (new MemoryModel(manifest, device), manifest.GuidanceScale is not null);
        var settings = new PlanRequest(film.Width, film.Height, film.NumFrames, manifest.Defaults.Steps ?? 0, guided);
        return new MemoryRow(film.Width, film.Height, film.NumFrames, [
            .. Ladder.Of(manifest, settings, provider).Select(rung => new RungMemory(rung.Name, memory.Peaks(settings, rung.Techniques).Max)),
        ]);
    }

    /// <summary>As wide as 16:9 allows, in sides that the model makes.</summary>
    private static (int Width, int Height, int NumFrames) Largest(ModelManifest manifest, EnvelopeLine line)
    {
        var sizes = manifest.Sizes;
        var height = Side(Math.Round(Math.Sqrt(line.MaxPixels * 9 / 16.0)));
        return (Side(line.MaxPixels / (double)height), height, Math.Clamp(line.MaxFrames, manifest.Frames.Min, manifest.Frames.Max));

        int Side(double pixels) => Math.Clamp((int)(pixels / sizes.MultipleOf) * sizes.MultipleOf, sizes.Min, sizes.Max);
    }
}
