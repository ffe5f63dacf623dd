using I2V.Inference.Models;

namespace I2V.Inference.Planning;

/// <summary>
/// The largest films that a package makes by free memory (<see cref="ModelManifest.Envelope"/>) where nothing was measured: what bytes
/// alone would allow is not tried on a card of its class before somebody did.
/// </summary>
internal sealed class FitEnvelope(IReadOnlyList<EnvelopeLine>? lines, IReadOnlyList<FitProfile> profiles)
{
    /// <summary>No card has so much: beyond the last line.</summary>
    public const long Never = long.MaxValue;

    /// <summary>
    /// Free bytes from which a film is allowed on a rung; 0 where nothing forbids it, which a run that was measured does: one of at least
    /// as many pixels and frames, guided if this one is, on the same rung or a less frugal one.
    /// </summary>
    public long NeededFreeBytes(PlanRequest settings, Rung rung) => IsMeasured(settings, rung) ? 0 : NeededFreeBytes(settings);

    /// <summary>The lines alone. A line never allows less than one for a smaller card.</summary>
    public long NeededFreeBytes(PlanRequest settings)
    {
        var (from, pixels, frames) = (0L, 0, 0);
        foreach (var line in lines ?? [])
        {
            (pixels, frames) = (Math.Max(pixels, line.MaxPixels), Math.Max(frames, line.MaxFrames));
            if ((long)settings.Width * settings.Height <= pixels && settings.NumFrames <= frames)
            {
                return from;
            }

            from = Math.Max(from, line.BelowFreeBytes ?? Never);
        }

        return from;
    }

    private bool IsMeasured(PlanRequest settings, Rung rung) => profiles.Any(profile =>
        (long)profile.Width * profile.Height >= (long)settings.Width * settings.Height
        && profile.NumFrames >= settings.NumFrames
        && (profile.Guided || !settings.Guided)
        && Ladder.Position(profile.Rung) is >= 0 and var place
        && place <= Ladder.Position(rung.Name));
}
