using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

/// <summary>What running out of memory teaches the next plan.</summary>
public sealed class ShortageTests
{
    private const long Needed = 9_000_000_000;

    private static readonly GenerationPhase[] Phases =
        [GenerationPhase.Loading, GenerationPhase.Encoding, GenerationPhase.Denoising, GenerationPhase.Decoding];

    [Theory]
    [InlineData(GenerationPhase.Loading)]
    [InlineData(GenerationPhase.Encoding)]
    [InlineData(GenerationPhase.Denoising)]
    [InlineData(GenerationPhase.Decoding)]
    public void A_phase_is_predicted_to_need_at_least_what_it_did_not_get(GenerationPhase phase)
    {
        var rung = RungOf(Rung.Resident);
        var before = PlannerOf(24).Predict(PlanSamples.Film512, rung);

        var after = PlannerOf(24, PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, phase, Needed)).Predict(PlanSamples.Film512, rung);

        Assert.InRange(after.Of(phase), Needed + 620_000_000, Needed + 1_000_000_000); // and what the process holds besides tensors
        Assert.All(Phases.Where(other => other != phase), other => Assert.Equal(before.Of(other), after.Of(other)));
    }

    [Fact]
    public void Less_than_is_predicted_anyway_changes_nothing() => Assert.Equal(
        PlannerOf(24).Predict(PlanSamples.Film512, RungOf(Rung.Resident)),
        PlannerOf(24, PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Denoising, 1_000_000))
            .Predict(PlanSamples.Film512, RungOf(Rung.Resident)));

    [Fact]
    public void The_rung_is_left_out_on_a_device_that_has_not_so_much_and_tried_again_on_one_that_has()
    {
        var shortage = PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Denoising, Needed);

        Assert.Equal(Rung.Resident, PlanSamples.Planned(PlannerOf(9).Plan(PlanSamples.Film512)).Rung.Name);
        Assert.Equal(Rung.Sliced, PlanSamples.Planned(PlannerOf(9, shortage).Plan(PlanSamples.Film512)).Rung.Name);
        Assert.Equal(Rung.Resident, PlanSamples.Planned(PlannerOf(12, shortage).Plan(PlanSamples.Film512)).Rung.Name);
    }

    [Fact]
    public void Rungs_that_do_not_need_less_in_that_phase_are_left_out_with_it()
    {
        // Slicing does nothing for encoding, and nothing between the released encoders and the released denoiser helps decoding.
        var encoding = PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Encoding, Needed);
        var decoding = PlanSamples.Shortage(Rung.EncodersReleased, PlanSamples.Film512, GenerationPhase.Decoding, Needed);

        Assert.Equal(Rung.EncodersReleased, PlanSamples.Planned(PlannerOf(9, encoding).Plan(PlanSamples.Film512)).Rung.Name);
        Assert.Equal(Rung.DenoiserReleased, PlanSamples.Planned(PlannerOf(9, decoding).Plan(PlanSamples.Film512)).Rung.Name);
    }

    [Fact]
    public void A_measured_run_says_more_than_a_failure_on_another_rung()
    {
        var shortage = PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Encoding, Needed);
        var run = PlanSamples.Profile(Rung.Sliced, PlanSamples.Film512, 5_000_000_000, 5_000_000_000, 5_000_000_000);
        var planner = new Planner(PlanSamples.I2VGenXl, PlanSamples.Card(9.0), FitRules.Default, [run], [shortage]);

        Assert.Equal(Rung.Sliced, PlanSamples.Planned(planner.Plan(PlanSamples.Film512)).Rung.Name);
    }

    [Fact]
    public void It_binds_films_of_the_same_picture_and_as_many_frames_or_more()
    {
        var shortage = PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Denoising, Needed);

        Assert.True(shortage.Binds(PlanSamples.Film512));
        Assert.True(shortage.Binds(PlanSamples.Film512 with { NumFrames = 24, Steps = 3 }));
        Assert.False(shortage.Binds(PlanSamples.Film512 with { NumFrames = 15 }));
        Assert.False(shortage.Binds(PlanSamples.Film768));
        Assert.False(shortage.Binds(PlanSamples.Film512 with { Guided = false }));
        Assert.True((shortage with { Phase = GenerationPhase.Loading }).Binds(PlanSamples.Film768 with { NumFrames = 1 }));
    }

    [Fact]
    public void A_run_that_gets_by_with_less_refutes_it_and_one_that_needs_more_or_is_another_does_not()
    {
        var shortage = PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Denoising, Needed);
        var less = PlanSamples.Profile(Rung.Resident, PlanSamples.Film512, encoding: 1, denoising: Needed - 1, decoding: Needed + 1);

        Assert.True(shortage.IsRefutedBy(less));
        Assert.True(shortage.IsRefutedBy(less with { NumFrames = 24 }));
        Assert.False(shortage.IsRefutedBy(less with { NumFrames = 8 }));
        Assert.False(shortage.IsRefutedBy(less with { Rung = Rung.Sliced }));
        Assert.False((shortage with { Phase = GenerationPhase.Decoding }).IsRefutedBy(less));
        Assert.False((shortage with { Phase = GenerationPhase.Loading }).IsRefutedBy(less)); // it says nothing of loading
    }

    private static Rung RungOf(string name) => PlanSamples.RungOf(name, PlanSamples.Film512);

    private static Planner PlannerOf(double gibibytes, params FitShortage[] shortages) =>
        new(PlanSamples.I2VGenXl, PlanSamples.Card(gibibytes), FitRules.Default, [], shortages);
}
