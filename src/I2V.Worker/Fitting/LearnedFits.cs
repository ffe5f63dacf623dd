using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Worker.Fitting;

/// <summary>What runs of one package taught about one device.</summary>
internal sealed record LearnedFits
{
    /// <summary>How much a new run counts beside what is known of the seconds: a card's pace changes with its heat and its neighbours.</summary>
    private const double NewShare = 0.3;

    public static LearnedFits None { get; } = new();

    /// <summary>Runs that ended well on the rung that they began on.</summary>
    public IReadOnlyList<FitProfile> Profiles { get; init; } = [];

    /// <summary>Runs that memory ran out in.</summary>
    public IReadOnlyList<FitShortage> Shortages { get; init; } = [];

    /// <summary>
    /// With a run more: of its kind the most memory that was ever seen, and a pace that follows the last runs. What was thought to be
    /// needed, and was not, is forgotten.
    /// </summary>
    public LearnedFits With(FitProfile run)
    {
        var same = Profiles.FirstOrDefault(profile => IsSameKind(profile, run));
        return new LearnedFits
        {
            Profiles = [.. Profiles.Where(profile => profile != same), same is null ? run : Merge(same, run)],
            Shortages = [.. Shortages.Where(shortage => !shortage.IsRefutedBy(run))],
        };
    }

    /// <summary>With a failure more: every one of a kind is true, so the most that was ever needed counts.</summary>
    public LearnedFits With(FitShortage shortage)
    {
        var same = Shortages.FirstOrDefault(known => known with { NeededBytes = shortage.NeededBytes } == shortage);
        return this with
        {
            Shortages = [.. Shortages.Where(known => known != same), same is null || same.NeededBytes < shortage.NeededBytes ? shortage : same],
        };
    }

    private static FitProfile Merge(FitProfile before, FitProfile now) => before with
    {
        PhasePeakBytes = before.PhasePeakBytes.Keys.Union(now.PhasePeakBytes.Keys)
            .ToDictionary(phase => phase, phase => Math.Max(before.PhasePeakBytes.GetValueOrDefault(phase), now.PhasePeakBytes.GetValueOrDefault(phase))),
        EncodeSeconds = Blend(before.EncodeSeconds, now.EncodeSeconds),
        SecondsPerStep = Blend(before.SecondsPerStep, now.SecondsPerStep),
        DecodeSeconds = Blend(before.DecodeSeconds, now.DecodeSeconds),
    };

    private static bool IsSameKind(FitProfile a, FitProfile b) =>
        (a.Device, a.Rung, a.Width, a.Height, a.NumFrames, a.Guided) == (b.Device, b.Rung, b.Width, b.Height, b.NumFrames, b.Guided);

    private static double? Blend(double? before, double? now) => (before, now) switch
    {
        ({ } old, { } fresh) => Math.Round(((1 - NewShare) * old) + (NewShare * fresh), 4),
        (null, var fresh) => fresh,
        (var old, null) => old,
    };
}
