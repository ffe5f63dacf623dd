using I2V.Inference.Models;

namespace I2V.Inference.Planning;

/// <summary>
/// Seconds of a warm run, from a run that was measured on a device of the same name.
/// </summary>
/// <remarks>
/// seconds = encoding · pixels/pixels₀ + steps · (seconds of a step) · work/work₀ + decoding · (pixels · frames)/(pixels₀ · frames₀), where ₀ marks
/// the measured run. work = halves · frames · N · (1 + N/<see cref="AttentionPixels"/>) with N latent pixels of a frame (pixels of 8 × 8): everything grows
/// with N but spatial attention, which grows with its square (reference 6.1; the constant is from 6.2: 3.9 of 41.9 TFLOP at 64×64,
/// which gives the other two columns within half a percent). Halves are 2 with guidance.
/// </remarks>
internal static class TimeModel
{
    /// <summary>Latent pixels of a frame at which spatial attention costs as much as everything else.</summary>
    private const double AttentionPixels = 4096 * (41.9 - 3.9) / 3.9;

    private const double PixelsOfLatent = 64;

    /// <summary>
    /// From the profile nearest to the film: first by rung, then by guidance, then by size; of equals the last, which is the worker's own.
    /// Null when nothing was timed on a device of that name.
    /// </summary>
    public static double? Seconds(PlanRequest settings, Rung rung, string device, IEnumerable<FitProfile> profiles)
    {
        var nearest = profiles
            .Where(profile => profile.Device == device && IsTimed(profile, settings.Steps) && Ladder.Position(profile.Rung) >= 0)
            .Reverse()
            .OrderBy(profile => Math.Abs(Ladder.Position(profile.Rung) - Ladder.Position(rung.Name)))
            .ThenBy(profile => profile.Guided == settings.Guided ? 0 : 1)
            .ThenBy(profile => Math.Abs(Math.Log(Work(Settings(profile)) / Work(settings))))
            .FirstOrDefault();
        if (nearest is null)
        {
            return null;
        }

        var measured = Settings(nearest);
        return ((nearest.EncodeSeconds ?? 0) * Pixels(settings) / Pixels(measured))
            + (settings.Steps * (nearest.SecondsPerStep ?? 0) * Work(settings) / Work(measured))
            + ((nearest.DecodeSeconds ?? 0) * Pixels(settings) * settings.NumFrames / (Pixels(measured) * measured.NumFrames));
    }

    private static bool IsTimed(FitProfile profile, int steps) =>
        steps > 0 ? profile.SecondsPerStep is not null : profile.EncodeSeconds is not null || profile.DecodeSeconds is not null;

    private static PlanRequest Settings(FitProfile profile) => new(profile.Width, profile.Height, profile.NumFrames, Steps: 0, profile.Guided);

    private static double Pixels(PlanRequest settings) => (double)settings.Width * settings.Height;

    private static double Work(PlanRequest settings)
    {
        var pixels = Pixels(settings) / PixelsOfLatent;
        return (settings.Guided ? 2 : 1) * settings.NumFrames * pixels * (1 + (pixels / AttentionPixels));
    }
}
