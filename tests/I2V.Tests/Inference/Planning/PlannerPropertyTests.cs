using FsCheck;
using FsCheck.Fluent;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

/// <summary>What holds for every package, device, film and wish.</summary>
public sealed class PlannerPropertyTests
{
    private const int Cases = 400;

    private static readonly GenerationPhase[] Phases = [GenerationPhase.Encoding, GenerationPhase.Denoising, GenerationPhase.Decoding];

    [Fact]
    public void A_plan_is_never_over_the_budget() => ForAll(PlanCase.Any, any =>
        any.Planner.Plan(any.Request).Plan is not { } plan
        || (plan.PeakBytes <= plan.BudgetBytes
            && plan.BudgetBytes <= any.Device.FreeBytes + any.Device.HeldBytes - (any.Device.Provider == "cpu" ? any.Device.TotalBytes / 16 : 320 << 20)));

    [Fact]
    public void A_plan_says_the_bytes_of_every_phase_as_they_are_predicted() => ForAll(PlanCase.Any, any =>
        any.Planner.Plan(any.Request).Plan is not { } plan
        || (plan.PhasePeakBytes.Count == 4 && plan.PhasePeakBytes.All(peak => peak.Value == any.Planner.Predict(plan.Settings, plan.Rung).Of(peak.Key))));

    [Fact]
    public void Nothing_is_predicted_to_need_less_than_it_once_did_not_get() => ForAll(PlanCase.Any, any =>
        any.Shortages.All(shortage => any.Planner.Rungs(any.Request)
            .Where(rung => rung.Name == shortage.Rung && shortage.Binds(any.Request))
            .All(rung => any.Planner.Predict(any.Request, rung).Of(shortage.Phase) >= shortage.NeededBytes + any.Device.OverheadBytes)));

    [Fact]
    public void What_fits_is_never_degraded() => ForAll(PlanCase.Any, any =>
    {
        var fits = IsByRule(any.Request.NumFrames, any.Manifest) && Ladder.Of(any.Manifest, any.Request, any.Device.Provider).Any(rung => rung.Exact && Fits(any, any.Request, rung));
        return !fits || (any.Planner.Plan(any.Request).Plan is { } plan && plan.Settings == any.Request && plan.Rung.Exact && plan.Degradations.Count == 0);
    });

    [Fact]
    public void A_film_runs_on_the_first_rung_that_fits() => ForAll(PlanCase.Any, any =>
        any.Planner.Plan(any.Request).Plan is not { } plan
        || any.Planner.Rungs(plan.Settings).First(rung => Fits(any, plan.Settings, rung)) == plan.Rung);

    [Fact]
    public void More_free_memory_never_gives_a_worse_plan() => ForAll(PlanCase.Any, Gen.Choose(0, 12_000), (any, megabytes) =>
    {
        var richer = any with { Device = any.Device with { FreeBytes = any.Device.FreeBytes + (megabytes * 1_000_000L) } };
        return any.Planner.Plan(any.Request).Plan is not { } plan
            || (richer.Planner.Plan(any.Request).Plan is { } better && Worth(better).CompareTo(Worth(plan)) >= 0);
    });

    [Fact]
    public void What_a_refusal_asks_for_is_enough() => ForAll(PlanCase.Any, any =>
    {
        if (any.Planner.Plan(any.Request).Refusal is not { Code: "vram_insufficient" } refusal || refusal.Message.Contains("on any device", StringComparison.Ordinal))
        {
            return true; // the rules leave nothing that the package makes anywhere
        }

        var enough = any with { Device = any.Device.WithBudget(refusal.NeededBytes) };
        return refusal.NeededBytes > refusal.BudgetBytes && enough.Planner.Plan(any.Request) is { IsPlanned: true } or { Refusal.Code: "ram_insufficient" };
    });

    [Fact]
    public void Floors_are_respected() => ForAll(PlanCase.Any, any =>
        any.Planner.Plan(any.Request).Plan is not { } plan
        || (plan.Settings.Width >= (any.Rules.MinWidth ?? any.Manifest.Sizes.Min)
            && plan.Settings.Height >= (any.Rules.MinHeight ?? any.Manifest.Sizes.Min)
            && plan.Settings.NumFrames >= (any.Rules.MinFrames ?? Math.Min(8, Ruled(any)))));

    [Fact]
    public void Settings_only_shrink_and_stay_what_the_model_makes() => ForAll(PlanCase.Any, any =>
        any.Planner.Plan(any.Request).Plan is not { Settings: var made }
        || (made.Width <= any.Request.Width && made.Height <= any.Request.Height && made.NumFrames <= any.Request.NumFrames
            && IsSide(made.Width, any.Manifest.Sizes) && IsSide(made.Height, any.Manifest.Sizes)
            && made.NumFrames >= any.Manifest.Frames.Min && IsByRule(made.NumFrames, any.Manifest)
            && (made.Steps, made.Guided) == (any.Request.Steps, any.Request.Guided)));

    [Fact]
    public void Without_leave_to_degrade_nothing_but_the_frame_rule_changes_a_film() => ForAll(PlanCase.Any, any =>
    {
        var strict = any with { Rules = any.Rules with { Mode = FitMode.Wait } };
        return strict.Planner.Plan(any.Request).Plan is not { } plan
            || (plan.Rung.Exact && plan.Degradations.All(told => told.Code == "frame_rule")
                && plan.Settings == any.Request with { NumFrames = plan.Settings.NumFrames });
    });

    [Fact]
    public void Whatever_is_not_as_asked_is_told_and_nothing_else() => ForAll(PlanCase.Any, any =>
    {
        if (any.Planner.Plan(any.Request).Plan is not { } plan)
        {
            return true;
        }

        var (asked, made, used) = (any.Request, plan.Settings, plan.Rung.Techniques);
        var ruled = Ruled(any);
        string[] expected =
        [
            .. Told(ruled != asked.NumFrames, "frame_rule"), .. Told(made.NumFrames != ruled, "frames_reduced"),
            .. Told((made.Width, made.Height) != (asked.Width, asked.Height), "resolution_reduced"),
            .. Told(used.Tiled, "vae_tiled"), .. Told(used.EightBit, "weights_int8"), .. Told(used.WindowFrames > 0, "temporal_windows"),
        ];
        return expected.SequenceEqual(plan.Degradations.Select(told => told.Code)) && plan.Degradations.All(told => told.Message.EndsWith('.'));
    });

    [Fact]
    public void Every_rung_that_needs_less_than_those_above_it_is_chosen_by_some_device() => ForAll(PlanCase.Any, any =>
    {
        var open = any with
        {
            Manifest = any.Manifest with { Envelope = null },
            Rules = FitRules.Default,
            Device = any.Device with { HostFreeBytes = 1L << 40 },
            Request = any.Request with { NumFrames = Ruled(any) },
        };
        var above = long.MaxValue;
        foreach (var rung in open.Request.NumFrames < any.Manifest.Frames.Min ? [] : open.Planner.Rungs(open.Request))
        {
            var peak = open.Planner.Predict(open.Request, rung).Max;
            if (peak < above && (open with { Device = open.Device.WithBudget(peak) }).Planner.Plan(open.Request).Plan?.Rung != rung)
            {
                return false;
            }

            above = Math.Min(above, peak);
        }

        return true;
    });

    [Fact]
    public void Where_nothing_was_measured_the_missions_envelope_holds() => ForAll(PlanCase.Unmeasured, any =>
    {
        var mission = any with { Manifest = any.Manifest with { Envelope = PlanSamples.MissionEnvelope } };
        var (lines, frames) = (any.Device.FreeBytes + any.Device.HeldBytes) switch { < 12L << 30 => (512, 16), < 16L << 30 => (768, 24), _ => (1024, 32) };
        return mission.Planner.Plan(any.Request).Plan is not { Settings: var made }
            || (9L * made.Width * made.Height <= 16L * lines * lines && made.NumFrames <= frames);
    });

    [Fact]
    public void A_measured_run_overrides_the_envelope() => ForAll(PlanCase.Any, any =>
    {
        var film = any.Request with { NumFrames = any.Manifest.Frames.Rule == "any" ? any.Request.NumFrames : 9 };
        var first = Ladder.Of(any.Manifest, film, any.Device.Provider)[0];
        var measured = any with
        {
            Manifest = any.Manifest with { Envelope = [new(null, 1, 1)] },
            Learned = [.. any.Learned, PlanSamples.Profile(first.Name, film, 1, 1, 1)],
            Device = any.Device with { FreeBytes = 1L << 40, HostFreeBytes = 1L << 40, TotalBytes = 1L << 40 },
        };
        return measured.Planner.Plan(film).Plan is { } plan && plan.Settings == film && plan.Rung == first;
    });

    [Fact]
    public void Predictions_are_never_below_what_was_measured() => ForAll(PlanCase.Any, any => any.Profiles.All(profile =>
    {
        var film = new PlanRequest(profile.Width, profile.Height, profile.NumFrames, Steps: 1, profile.Guided);
        return Ladder.Of(any.Manifest, film, any.Device.Provider).FirstOrDefault(rung => rung.Name == profile.Rung) is not { } rung
            || Phases.All(phase => any.Planner.Predict(film, rung).Of(phase) >= any.Device.OverheadBytes + profile.PhasePeakBytes[Name(phase)]);
    }));

    [Fact]
    public void Measured_runs_of_other_sizes_never_lower_a_prediction() => ForAll(PlanCase.Any, any =>
    {
        var plain = new MemoryModel(any.Manifest, any.Device);
        return Ladder.Of(any.Manifest, any.Request, any.Device.Provider)
            .Where(rung => !any.Profiles.Any(profile => profile.Rung == rung.Name && Is(profile, any.Request)))
            .All(rung => Phases.All(phase => any.Planner.Predict(any.Request, rung).Of(phase) >= plain.Peaks(any.Request, rung.Techniques).Of(phase)));
    });

    [Fact]
    public void Stepping_down_needs_less_each_time_and_ends() => ForAll(PlanCase.Any, Gen.Elements(Phases), (any, phase) =>
    {
        var (planner, model, tried) = (any.Planner, new MemoryModel(any.Manifest, any.Device), Techniques.None);
        for (var steps = 0; steps < Ladder.Names.Count; steps++)
        {
            if (planner.Next(any.Request, tried, phase) is not { } next)
            {
                return true;
            }

            if (model.Peaks(any.Request, next.Techniques).Of(phase) >= model.Peaks(any.Request, tried).Of(phase) || !(next.Exact || any.Rules.Mode == FitMode.Degrade))
            {
                return false;
            }

            tried = next.Techniques;
        }

        return false;
    });

    [Fact]
    public void A_plan_below_another_needs_less_in_the_phase_that_failed_and_fits() => ForAll(PlanCase.Any, Gen.Elements(Phases), (any, phase) =>
    {
        var model = new MemoryModel(any.Manifest, any.Device);
        return any.Planner.Plan(any.Request).Plan is not { } failed
            || any.Planner.Below(any.Request, failed, phase).Plan is not { } plan
            || (model.Peaks(plan.Settings, plan.Rung.Techniques).Of(phase) < model.Peaks(failed.Settings, failed.Rung.Techniques).Of(phase)
                && plan.PeakBytes <= plan.BudgetBytes && Worth(plan).CompareTo(Worth(failed)) < 0);
    });

    [Fact]
    public void Weights_off_the_device_have_room_in_the_host() => ForAll(PlanCase.Any, any =>
        any.Planner.Plan(any.Request).Plan is not { } plan
        || new MemoryModel(any.Manifest, any.Device).HostBytes(plan.Rung.Techniques) is var host && (host == 0 || host <= any.Device.HostFreeBytes - (1L << 30)));

    [Fact]
    public void The_cases_reach_every_rung_every_degradation_and_every_refusal()
    {
        var outcomes = PlanCase.Any.Generator.Sample(4000, new Rnd(20), 50).Select(any => any.Planner.Plan(any.Request)).ToList();

        Assert.Equal(Ladder.Names, outcomes.Select(outcome => outcome.Plan?.Rung.Name).OfType<string>().Distinct().OrderBy(Ladder.Position));
        Assert.Equal(
            ["frame_rule", "frames_reduced", "resolution_reduced", "temporal_windows", "vae_tiled", "weights_int8"],
            outcomes.SelectMany(outcome => outcome.Plan?.Degradations ?? []).Select(told => told.Code).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(
            ["frame_rule", "ram_insufficient", "vram_insufficient"],
            outcomes.Select(outcome => outcome.Refusal?.Code).OfType<string>().Distinct().Order(StringComparer.Ordinal));
        Assert.InRange(outcomes.Count(outcome => outcome.IsPlanned), 1500, 4000);
    }

    private static void ForAll(Arbitrary<PlanCase> cases, Func<PlanCase, bool> holds) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Cases), Prop.ForAll(cases, holds));

    private static void ForAll<T>(Arbitrary<PlanCase> cases, Gen<T> others, Func<PlanCase, T, bool> holds) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Cases), Prop.ForAll(cases, Arb.From(others), holds));

    /// <summary>More is better: the larger picture, then more frames, then the rung that does less.</summary>
    private static (long Pixels, int Frames, int Rung) Worth(Plan plan) =>
        ((long)plan.Settings.Width * plan.Settings.Height, plan.Settings.NumFrames, -Ladder.Position(plan.Rung.Name));

    /// <summary>As the documentation says it, in other words than the planner's.</summary>
    private static bool Fits(PlanCase any, PlanRequest film, Rung rung)
    {
        var (usable, host) = (any.Device.FreeBytes + any.Device.HeldBytes, new MemoryModel(any.Manifest, any.Device).HostBytes(rung.Techniques));
        var budget = usable - (any.Device.Provider == "cpu" ? any.Device.TotalBytes / 16 : 320 << 20);
        return any.Planner.Predict(film, rung).Max <= budget
            && (host == 0 || host <= any.Device.HostFreeBytes - (1L << 30))
            && (IsInside(any.Manifest.Envelope, usable, film) || any.Profiles.Any(profile => Covers(profile, film, rung)));
    }

    private static bool IsInside(IReadOnlyList<EnvelopeLine>? lines, long usable, PlanRequest film)
    {
        if (lines is null || lines.All(line => line.BelowFreeBytes <= usable))
        {
            return true;
        }

        var held = lines.TakeWhile(line => line.BelowFreeBytes <= usable).Append(lines.First(line => !(line.BelowFreeBytes <= usable))).ToList();
        return (long)film.Width * film.Height <= held.Max(line => line.MaxPixels) && film.NumFrames <= held.Max(line => line.MaxFrames);
    }

    private static bool Covers(FitProfile profile, PlanRequest film, Rung rung) =>
        (long)profile.Width * profile.Height >= (long)film.Width * film.Height && profile.NumFrames >= film.NumFrames
        && (profile.Guided || !film.Guided) && Ladder.Position(profile.Rung) <= Ladder.Position(rung.Name);

    private static bool Is(FitProfile profile, PlanRequest film) =>
        (profile.Width, profile.Height, profile.NumFrames, profile.Guided) == (film.Width, film.Height, film.NumFrames, film.Guided);

    private static bool IsByRule(int frames, ModelManifest manifest) => manifest.Frames.Rule == "any" || frames % 4 == 1;

    /// <summary>13 of 16 for a model that makes 4k+1 frames.</summary>
    private static int Ruled(PlanCase any) =>
        IsByRule(any.Request.NumFrames, any.Manifest) ? any.Request.NumFrames : ((any.Request.NumFrames - 1) / 4 * 4) + 1;

    private static bool IsSide(int pixels, SizeLimits limits) => pixels % limits.MultipleOf == 0 && pixels >= limits.Min && pixels <= limits.Max;

    private static string Name(GenerationPhase phase) => phase.ToString().ToLowerInvariant();

    private static string[] Told(bool isSo, string code) => isSo ? [code] : [];
}
