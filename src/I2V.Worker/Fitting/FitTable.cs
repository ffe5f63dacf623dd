using I2V.Inference.Models;
using I2V.Inference.Planning;
using I2V.Protocol.Workers;

namespace I2V.Worker.Fitting;

/// <summary>What this worker would do with films of some sizes, for the gateway, which knows no pipeline.</summary>
internal static class FitTable
{
    /// <summary>Width, height and frames of the sizes that users ask for most, beside the model's own default.</summary>
    private static readonly (int Width, int Height, int Frames)[] Usual =
        [(512, 512, 16), (768, 768, 24), (1280, 704, 16), (1024, 1024, 32)];

    /// <param name="manifest">Of the model.</param>
    /// <param name="planner">Looks at the device; may degrade.</param>
    public static IReadOnlyList<FitRow> Of(ModelManifest manifest, Planner planner) =>
        [.. Sizes(manifest).SelectMany(request => Rows(request, planner))];

    private static IEnumerable<PlanRequest> Sizes(ModelManifest manifest)
    {
        var side = manifest.Sizes.DefaultLongestSide;
        var guided = (manifest.Defaults.GuidanceScale ?? 1) > 1;
        var steps = SpeedChoice.Of(manifest, preset: null, steps: null).Steps;
        return Usual
            .Prepend((side, side, manifest.Defaults.NumFrames))
            .Select(size => new PlanRequest(Side(size.Item1), Side(size.Item2), Frames(size.Item3), steps, guided))
            .Distinct()
            .OrderBy(request => (long)request.Width * request.Height * request.NumFrames);

        int Side(int pixels) => Math.Clamp(pixels / manifest.Sizes.MultipleOf * manifest.Sizes.MultipleOf, manifest.Sizes.Min, manifest.Sizes.Max);

        int Frames(int count)
        {
            var within = Math.Clamp(count, manifest.Frames.Min, manifest.Frames.Max);
            return manifest.Frames.Rule == "4k+1" ? Math.Max(manifest.Frames.Min, ((within - 1) / 4 * 4) + 1) : within;
        }
    }

    /// <summary>What the planner takes, and below it the exact rungs that need less: so much less a smaller card could do with.</summary>
    private static IEnumerable<FitRow> Rows(PlanRequest request, Planner planner)
    {
        var outcome = planner.Plan(request);
        if (!outcome.IsPlanned)
        {
            return [Row(request) with { PeakBytes = outcome.Refusal.NeededBytes, Code = outcome.Refusal.Code }];
        }

        var plan = outcome.Plan;
        var taken = Row(request) with
        {
            Rung = plan.Rung.Name,
            Techniques = plan.Rung.Techniques.Names,
            AppliedWidth = plan.Settings.Width == request.Width ? null : plan.Settings.Width,
            AppliedHeight = plan.Settings.Height == request.Height ? null : plan.Settings.Height,
            AppliedNumFrames = plan.Settings.NumFrames == request.NumFrames ? null : plan.Settings.NumFrames,
            PeakBytes = plan.PeakBytes,
            Seconds = Rounded(plan.Seconds),
            SecondsPerStep = PerStep(plan.Settings, plan.Rung, planner),
            Exact = plan.Degradations.Count == 0,
            Degradations = [.. plan.Degradations.Select(JobFitting.ToProtocol)],
        };
        return taken.Exact ? [taken, .. Deeper(request, plan, planner)] : [taken];
    }

    private static IEnumerable<FitRow> Deeper(PlanRequest request, Plan plan, Planner planner) =>
        from rung in planner.Rungs(request)
        where rung.Exact && Ladder.Position(rung.Name) > Ladder.Position(plan.Rung.Name)
        select Row(request) with
        {
            Rung = rung.Name,
            Techniques = rung.Techniques.Names,
            PeakBytes = planner.Predict(request, rung).Max,
            Seconds = Rounded(planner.Seconds(request, rung)),
            SecondsPerStep = PerStep(request, rung, planner),
            Exact = true,
        };

    private static FitRow Row(PlanRequest request) => new()
    {
        Width = request.Width,
        Height = request.Height,
        NumFrames = request.NumFrames,
        Guided = request.Guided,
        Steps = request.Steps > 0 ? request.Steps : null,
        PeakBytes = 0,
    };

    private static double? PerStep(PlanRequest settings, Rung rung, Planner planner) => settings.Steps > 0
        && planner.Seconds(settings, rung) is { } seconds
        && planner.Seconds(settings with { Steps = settings.Steps + 1 }, rung) is { } more
            ? Rounded(more - seconds)
            : null;

    private static double? Rounded(double? seconds) => seconds is null ? null : Math.Round(seconds.Value, 3);
}
