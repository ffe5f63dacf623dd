using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

public sealed class PlannerTests
{
    [Theory]
    [InlineData(24, Rung.Resident)]
    [InlineData(12, Rung.Resident)]
    [InlineData(8, Rung.Sliced)]
    [InlineData(6, Rung.EncodersReleased)]
    [InlineData(4, Rung.Streamed)]
    [InlineData(3, Rung.Streamed)]
    public void Every_card_makes_the_small_film_exactly_as_asked(double gibibytes, string rung)
    {
        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(gibibytes)));

        Assert.Equal((rung, PlanSamples.Film512), (plan.Rung.Name, plan.Settings));
        Assert.Empty(plan.Degradations);
        Assert.True(plan.PeakBytes <= (gibibytes * (1L << 30)) - 300_000_000, $"{plan.PeakBytes}");
    }

    [Fact]
    public void A_card_of_24_GB_makes_the_large_films_as_asked()
    {
        Assert.All([PlanSamples.Film768, PlanSamples.FilmWide], film =>
        {
            var plan = PlanSamples.Planned(PlanSamples.Plan(film, PlanSamples.Card(24.0)));
            Assert.Equal(film, plan.Settings);
            Assert.Empty(plan.Degradations);
        });
    }

    [Fact]
    public void What_the_process_holds_already_can_be_used_again()
    {
        var (free, held) = (PlanSamples.Card(8.0), PlanSamples.Card(8.0) with { FreeBytes = 1L << 30, HeldBytes = 7L << 30 });

        Assert.Equal(
            PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, free)).Rung,
            PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, held)).Rung);
    }

    [Fact]
    public void The_margin_of_a_graphics_card_is_320_mebibytes_and_of_the_processor_a_sixteenth_of_its_memory()
    {
        var card = PlanSamples.Card(8.0);

        Assert.Equal((8L << 30) - (320L << 20), Budget.Of(card).DeviceBytes);
        Assert.Equal((8L << 30) - (512L << 20), Budget.Of(card with { Provider = "cpu" }).DeviceBytes);
        Assert.Equal(0, Budget.Of(card with { FreeBytes = 1000 }).DeviceBytes);
    }

    [Fact]
    public void A_model_that_runs_in_one_piece_is_planned_on_the_processor()
    {
        var device = PlanSamples.Card(2.0) with { Provider = "cpu", OverheadBytes = 0, HostFreeBytes = 2L << 30 };

        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512 with { Steps = 0, Guided = false }, device, manifest: PlanSamples.Motion));

        Assert.Equal((Rung.Resident, null), (plan.Rung.Name, plan.Seconds));
        Assert.Empty(plan.Degradations);
        Assert.InRange(plan.PeakBytes, 1, 1L << 30);
    }

    [Fact]
    public void Just_under_12_GB_free_a_large_film_becomes_one_of_512p_and_16_frames()
    {
        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film768, PlanSamples.Card(11.9)));

        Assert.Equal((640, 640, 16), (plan.Settings.Width, plan.Settings.Height, plan.Settings.NumFrames));
        Assert.Equal(["frames_reduced", "resolution_reduced"], plan.Degradations.Select(degradation => degradation.Code));
        Assert.All(plan.Degradations, degradation => Assert.Null(degradation.NeededBytes));
        Assert.Equal(
            "The film has 16 frames instead of 24: with 12.77 GB of device memory free, the model makes nothing larger until a larger film has been measured.",
            plan.Degradations[0].Message);
        Assert.Equal(("resolution", "768×768", "640×640"), (plan.Degradations[1].Field, plan.Degradations[1].From, plan.Degradations[1].To));
    }

    [Theory]
    [InlineData(12.0, 1024, 1024, 24)]
    [InlineData(15.9, 1024, 1024, 24)]
    [InlineData(16.0, 1344, 1344, 32)]
    public void Larger_cards_make_larger_films(double gibibytes, int width, int height, int frames)
    {
        // By the envelope alone: bytes are no question here.
        var light = PlanSamples.I2VGenXl with { Memory = PlanSamples.I2VGenXl.Memory!.ToDictionary(term => term.Key, _ => new MemoryTerm(0, 1)) };
        var film = PlanSamples.Film512 with { Width = 1536, Height = 1536, NumFrames = 32 };

        var plan = PlanSamples.Planned(PlanSamples.Plan(film, PlanSamples.Card(gibibytes), manifest: light));

        Assert.Equal((width, height, frames), (plan.Settings.Width, plan.Settings.Height, plan.Settings.NumFrames));
    }

    [Fact]
    public void A_wide_film_keeps_its_shape_as_nearly_as_the_models_multiple_allows()
    {
        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.FilmWide, PlanSamples.Card(11.5)));

        Assert.Equal((896, 512), (plan.Settings.Width, plan.Settings.Height));
        Assert.Equal(16, plan.Settings.NumFrames);
    }

    [Fact]
    public void A_measured_run_overrides_the_envelope_on_its_rung_and_deeper_ones()
    {
        var measured = PlanSamples.Profile(Rung.EncodersReleased, PlanSamples.Film768, 4_500_000_000, 6_400_000_000, 4_100_000_000);

        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film768, PlanSamples.Card(11.5), learned: measured));

        Assert.Equal((Rung.EncodersReleased, PlanSamples.Film768), (plan.Rung.Name, plan.Settings));
        Assert.Empty(plan.Degradations);
    }

    [Fact]
    public void A_measured_run_is_predicted_with_two_percent_more_whatever_the_terms_say()
    {
        var device = PlanSamples.Card(24.0);
        var measured = PlanSamples.Profile(Rung.Sliced, PlanSamples.Film512, 5_100_000_000, 5_200_000_000, 5_300_000_000);
        var planner = new Planner(PlanSamples.I2VGenXl, device, FitRules.Default, [measured, measured with { PhasePeakBytes = new Dictionary<string, long> { ["denoising"] = 5_250_000_000 } }]);

        var peaks = planner.Predict(PlanSamples.Film512, PlanSamples.RungOf(Rung.Sliced, PlanSamples.Film512));

        var besides = device.OverheadBytes + (6 * MemoryModel.NetworkBytes);
        Assert.Equal(besides + (5_100_000_000L * 102 / 100), peaks.Encoding);
        Assert.Equal(besides + (5_250_000_000L * 102 / 100), peaks.Denoising);
        Assert.Equal(besides + (5_300_000_000L * 102 / 100), peaks.Decoding);
    }

    [Fact]
    public void What_is_measured_above_the_terms_raises_other_sizes_and_what_is_below_lowers_none()
    {
        var rung = PlanSamples.RungOf(Rung.Sliced, PlanSamples.Film768);
        long Denoising(params FitProfile[] learned) =>
            new Planner(PlanSamples.I2VGenXl, PlanSamples.Card(80.0), FitRules.Default, learned).Predict(PlanSamples.Film768, rung).Denoising;
        FitProfile Measured(long run) => PlanSamples.Profile(Rung.Sliced, PlanSamples.Film512, 5_000_000_000, 4_952_000_000 + run, 5_000_000_000);

        var (usual, raised, lowered) = (Denoising(), Denoising(Measured(2_000_000_000), Measured(1_500_000_000)), Denoising(Measured(300_000_000)));

        // 2.0 GB were measured where the term says 1.01: runs of this size need twice theirs, 3.38 GB, more.
        Assert.InRange(raised - usual, 3_380_000_000, 3_800_000_000);
        Assert.Equal(usual, lowered);
    }

    [Theory]
    [InlineData(FitMode.Wait)]
    [InlineData(FitMode.Fail)]
    public void Without_leave_to_degrade_a_film_is_made_exactly_or_not(FitMode mode)
    {
        var rules = new FitRules(mode);

        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(4.0), rules));
        var refusal = PlanSamples.Refused(PlanSamples.Plan(PlanSamples.Film768, PlanSamples.Card(11.5), rules));

        Assert.Equal(Rung.Streamed, plan.Rung.Name);
        Assert.Equal(("vram_insufficient", (12L << 30) - Budget.GpuMarginBytes), (refusal.Code, refusal.NeededBytes));
        Assert.Equal(
            "A film of 768×768 with 24 frames that is not degraded is larger than the model makes before 12.55 GB are available, until such a film has been measured, "
            + "and 12.01 GB are available on NVIDIA H200: a device with more free memory would help, or the policy degrade, or smaller settings.",
            refusal.Message);
    }

    [Fact]
    public void Beyond_the_last_line_no_device_is_enough_until_somebody_measured()
    {
        var film = PlanSamples.Film512 with { Width = 2048, Height = 2048 };

        var refusal = PlanSamples.Refused(PlanSamples.Plan(film, PlanSamples.Card(140.0), new FitRules(FitMode.Fail)));

        Assert.Contains("than the model makes on any device", refusal.Message, StringComparison.Ordinal);
        Assert.InRange(refusal.NeededBytes, 1, 140L << 30);
    }

    [Fact]
    public void A_card_that_is_too_small_is_told_what_the_smallest_film_needs()
    {
        var refusal = PlanSamples.Refused(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(1.5)));

        Assert.Equal("vram_insufficient", refusal.Code);
        Assert.True(refusal.NeededBytes > refusal.BudgetBytes);
        Assert.StartsWith(
            "Even the smallest film that is allowed (64×64 with 8 frames) needs 2.00 GB of device memory, and 1.27 GB are available on NVIDIA H200: ",
            refusal.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_go_before_pixels_and_the_message_says_why()
    {
        var manifest = Plain();
        var needed = Peak(manifest, PlanSamples.Film512 with { NumFrames = 11 }, Rung.DenoiserReleased);

        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(80.0).WithBudget(needed), manifest: manifest));

        Assert.Equal((512, 512, 11, Rung.DenoiserReleased), (plan.Settings.Width, plan.Settings.Height, plan.Settings.NumFrames, plan.Rung.Name));
        var told = Assert.Single(plan.Degradations);
        Assert.Equal(("frames_reduced", "num_frames", "16", "11"), (told.Code, told.Field, told.From, told.To));
        Assert.True(told.NeededBytes > needed);
        Assert.Equal(needed, told.FreeBytes);
        Assert.Matches(@"^The film has 11 frames instead of 16: 512×512 with 16 frames needs at least \d\.\d\d GB of device memory, and \d\.\d\d GB are available\.$", told.Message);
    }

    [Fact]
    public void The_picture_shrinks_when_eight_frames_are_too_many_and_frames_come_back_as_far_as_they_fit()
    {
        var manifest = Plain();
        var needed = Peak(manifest, PlanSamples.Film512 with { NumFrames = 7 }, Rung.DenoiserReleased);

        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(80.0).WithBudget(needed), manifest: manifest));

        Assert.Equal((448, 448, 9), (plan.Settings.Width, plan.Settings.Height, plan.Settings.NumFrames)); // 9 · 448² ≤ 7 · 512²
        Assert.Equal(["frames_reduced", "resolution_reduced"], plan.Degradations.Select(degradation => degradation.Code));
    }

    [Fact]
    public void Floors_are_kept()
    {
        var manifest = Plain();
        var device = PlanSamples.Card(80.0).WithBudget(Peak(manifest, PlanSamples.Film512 with { NumFrames = 7 }, Rung.DenoiserReleased));
        var film = PlanSamples.Film512;

        var frames = PlanSamples.Planned(PlanSamples.Plan(film, device, new FitRules(FitMode.Degrade, MinFrames: 12), manifest));
        var sides = PlanSamples.Planned(PlanSamples.Plan(film, device, new FitRules(FitMode.Degrade, MinFrames: 1, MinWidth: 512), manifest));
        var both = PlanSamples.Refused(PlanSamples.Plan(film, device, new FitRules(FitMode.Degrade, MinFrames: 8, MinHeight: 512), manifest));

        Assert.Equal((384, 12), (frames.Settings.Width, frames.Settings.NumFrames));
        Assert.Equal((512, 7), (sides.Settings.Width, sides.Settings.NumFrames));
        Assert.EndsWith("a device with more free memory would help, or lower floors.", both.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_makes_four_k_and_one_frames_makes_13_of_16_and_says_so()
    {
        var manifest = PlanSamples.I2VGenXl with { Frames = new FrameLimits("4k+1", 5, 49) };

        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(24.0), new FitRules(FitMode.Fail), manifest));
        var refusal = PlanSamples.Refused(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(24.0), new FitRules(FitMode.Degrade, MinFrames: 14), manifest));

        Assert.Equal(13, plan.Settings.NumFrames);
        var told = Assert.Single(plan.Degradations);
        Assert.Equal(("frame_rule", "num_frames", "16", "13"), (told.Code, told.Field, told.From, told.To));
        Assert.Equal("The film has 13 frames instead of 16: the model makes one frame more than a multiple of 4.", told.Message);
        Assert.Equal("frame_rule", refusal.Code);
    }

    [Fact]
    public void Inexact_techniques_are_told()
    {
        var manifest = PlanSamples.I2VGenXl with { Envelope = null };
        var film = PlanSamples.Film768 with { NumFrames = 32 };
        var (exact, budget) = (Peak(manifest, film, Rung.Streamed), Peak(manifest, film, Rung.Windows));

        var plan = PlanSamples.Planned(PlanSamples.Plan(film, PlanSamples.Card(80.0).WithBudget(budget), manifest: manifest));

        Assert.Equal((Rung.Windows, film), (plan.Rung.Name, plan.Settings));
        Assert.Equal(["weights_int8", "temporal_windows"], plan.Degradations.Select(told => told.Code));
        Assert.Equal(("fp16", "int8"), (plan.Degradations[0].From, plan.Degradations[0].To));
        Assert.Equal(("windows of 16", exact), (plan.Degradations[1].To, plan.Degradations[1].NeededBytes));
        Assert.StartsWith(
            "Frames are denoised in overlapping windows, which changes the film a little: without this the film needs ", plan.Degradations[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_without_room_for_weights_is_told()
    {
        var small = PlanSamples.Card(4.0) with { HostFreeBytes = 3L << 30 };

        var refusal = PlanSamples.Refused(PlanSamples.Plan(PlanSamples.Film512, small, new FitRules(FitMode.Fail)));

        Assert.Equal(("ram_insufficient", 4_085_000_000, 2L << 30), (refusal.Code, refusal.NeededBytes, refusal.BudgetBytes));
        Assert.StartsWith("512×512 with 16 frames fits the device while weights wait in the host's memory, which takes 4.09 GB of it, and 2.14 GB are available: ", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>What it needs comes from reading all frames' conditions, of which no technique spares any; no envelope.</summary>
    private static ModelManifest Plain()
    {
        var memory = PlanSamples.I2VGenXl.Memory!.ToDictionary(pair => pair.Key, _ => new MemoryTerm(0, 0));
        memory["conditioning"] = new MemoryTerm(0, 7_612);
        return PlanSamples.I2VGenXl with
        {
            Components = PlanSamples.I2VGenXl.Components.ToDictionary(pair => pair.Key, pair => PlanSamples.Network(1_000_000)),
            Memory = memory,
            Envelope = null,
        };
    }

    private static long Peak(ModelManifest manifest, PlanRequest film, string rung) =>
        new MemoryModel(manifest, PlanSamples.Card(80.0)).Peaks(film, PlanSamples.RungOf(rung, film, manifest).Techniques).Max;
}
