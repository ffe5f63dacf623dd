using I2V.Inference.Devices;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

/// <summary>Memory ran out although it was predicted to be enough.</summary>
public sealed class StepDownTests
{
    [Fact]
    public void Denoising_goes_down_the_rungs_that_need_less_for_denoising()
    {
        // Where there are two halves, the decoder leaves with them, and the denoiser that is released after its steps helps those no more.
        Assert.Equal(
            [Rung.Sliced, Rung.EncodersReleased, Rung.SerialGuidance, Rung.Streamed, Rung.Windows],
            Down(PlannerOf(80), PlanSamples.Film512, GenerationPhase.Denoising).Where(name => name != Rung.EightBit));
        Assert.Equal(
            [Rung.Sliced, Rung.EncodersReleased, Rung.DenoiserReleased, Rung.Streamed, Rung.Windows],
            Down(PlannerOf(80), PlanSamples.Film512 with { Guided = false }, GenerationPhase.Denoising).Where(name => name != Rung.EightBit));
    }

    [Fact]
    public void Encoding_goes_down_the_rungs_that_let_networks_leave() =>
        Assert.Equal(
            [Rung.EncodersReleased, Rung.SerialGuidance, Rung.DenoiserReleased],
            Down(PlannerOf(80), PlanSamples.Film512, GenerationPhase.Encoding));

    [Theory]
    [InlineData(12, Rung.Sliced)]
    [InlineData(6, Rung.EncodersReleased)]
    [InlineData(4, Rung.Streamed)]
    [InlineData(1, Rung.Windows)] // nothing is predicted to fit: what needs least has the best chance
    public void Rungs_that_do_not_fit_what_is_free_now_are_not_tried(double gibibytes, string expected) =>
        Assert.Equal(expected, PlannerOf(gibibytes).Next(PlanSamples.Film512, Techniques.None, GenerationPhase.Denoising)?.Name);

    [Fact]
    public void Decoding_skips_what_helps_denoising_alone()
    {
        // Slicing changes nothing here (two frames a call either way), halves of guidance are long gone, and sessions of units,
        // of which int8 has one less, hold what they held.
        Assert.Equal(
            [Rung.EncodersReleased, Rung.DenoiserReleased],
            Down(PlannerOf(80), PlanSamples.Film512, GenerationPhase.Decoding));
        Assert.Equal(
            [Rung.EncodersReleased, Rung.DenoiserReleased, Rung.Tiled],
            Down(PlannerOf(80, overhead: Snapshots.ExpectedCudaOverheadBytes + (2 * MemoryModel.UnitBytes)), PlanSamples.FilmWide, GenerationPhase.Decoding));
    }

    [Fact]
    public void Inexact_rungs_need_leave() =>
        Assert.Equal(
            [Rung.EncodersReleased, Rung.DenoiserReleased],
            Down(PlannerOf(80, new FitRules(FitMode.Wait)), PlanSamples.FilmWide, GenerationPhase.Decoding));

    [Fact]
    public void A_rung_whose_weights_the_host_has_no_room_for_is_skipped()
    {
        var planner = new Planner(PlanSamples.I2VGenXl, PlanSamples.Card(80.0) with { HostFreeBytes = 4L << 30 }, FitRules.Default, []);

        Assert.Equal(Rung.EightBit, planner.Next(PlanSamples.Film512, RungOf(Rung.DenoiserReleased).Techniques, GenerationPhase.Denoising)?.Name);
    }

    [Fact]
    public void Techniques_that_are_no_rung_go_to_the_first_that_needs_less()
    {
        var tried = new Techniques { ChunkedFeedForward = true, SerialGuidance = true };

        Assert.Equal(Rung.EncodersReleased, PlannerOf(80).Next(PlanSamples.Film512, tried, GenerationPhase.Decoding)?.Name);
    }

    [Fact]
    public void After_the_ladder_settings_shrink_and_are_told_against_what_was_asked()
    {
        var planner = PlannerOf(80);
        var last = planner.Rungs(PlanSamples.Film512).Last();
        var failed = Failed(PlanSamples.Film512, last, planner);

        var plan = PlanSamples.Planned(planner.Below(PlanSamples.Film512, failed, GenerationPhase.Denoising));

        Assert.Null(planner.Next(PlanSamples.Film512, last.Techniques, GenerationPhase.Denoising));
        Assert.True(plan.Settings.NumFrames < 16);
        Assert.Equal((512, 512), (plan.Settings.Width, plan.Settings.Height));
        Assert.Equal("frames_reduced", plan.Degradations[0].Code);
        Assert.True(plan.PhasePeakBytes[GenerationPhase.Denoising] < failed.PhasePeakBytes[GenerationPhase.Denoising]);
    }

    [Fact]
    public void A_plan_below_fits_what_is_free_now()
    {
        var rich = PlannerOf(24);
        var failed = PlanSamples.Planned(rich.Plan(PlanSamples.Film512));

        var plan = PlanSamples.Planned(PlannerOf(6).Below(PlanSamples.Film512, failed, GenerationPhase.Denoising));

        Assert.Equal((Rung.Resident, Rung.EncodersReleased), (failed.Rung.Name, plan.Rung.Name));
        Assert.Empty(plan.Degradations);
    }

    [Fact]
    public void The_end_of_everything_is_a_refusal_that_names_the_phase()
    {
        var planner = PlannerOf(80, new FitRules(FitMode.Fail));
        var failed = Failed(PlanSamples.Film512, RungOf(Rung.Streamed), planner);

        var refusal = PlanSamples.Refused(planner.Below(PlanSamples.Film512, failed, GenerationPhase.Denoising));

        Assert.Equal("vram_insufficient", refusal.Code);
        Assert.StartsWith(
            "Device memory ran out while denoising (512×512 with 16 frames, which was predicted to need 1.42 GB; ", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_down_is_told_in_words()
    {
        var exact = Degradations.SteppedDown(RungOf(Rung.Sliced), RungOf(Rung.EncodersReleased), GenerationPhase.Denoising, 5, 4);
        var inexact = Degradations.SteppedDown(RungOf(Rung.Streamed), RungOf(Rung.Windows), GenerationPhase.Decoding);

        Assert.Equal(
            new PlannedDegradation(
                "rung_lowered", "techniques", "sliced", "encoders_released", 5, 4,
                "Device memory ran out while denoising, so the encoders leave the device once they have run: the film stays the same and takes longer."),
            exact);
        Assert.EndsWith("so frames are denoised in overlapping windows: the film changes a little.", inexact.Message, StringComparison.Ordinal);
    }

    private static Planner PlannerOf(double gibibytes, FitRules? rules = null, long overhead = 620_000_000) =>
        new(PlanSamples.I2VGenXl, PlanSamples.Card(gibibytes) with { OverheadBytes = overhead }, rules ?? FitRules.Default, []);

    private static Rung RungOf(string name) => PlanSamples.RungOf(name, PlanSamples.Film512);

    private static Plan Failed(PlanRequest film, Rung rung, Planner planner) => new()
    {
        Settings = film,
        Rung = rung,
        PhasePeakBytes = planner.Predict(film, rung).ToDictionary(),
        BudgetBytes = planner.Budget.DeviceBytes,
    };

    private static List<string> Down(Planner planner, PlanRequest film, GenerationPhase phase)
    {
        var names = new List<string>();
        for (var rung = planner.Next(film, Techniques.None, phase); rung is not null; rung = planner.Next(film, rung.Techniques, phase))
        {
            names.Add(rung.Name);
        }

        return names;
    }
}
