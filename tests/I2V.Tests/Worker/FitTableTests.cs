using I2V.Inference.Models;
using I2V.Inference.Planning;
using I2V.Tests.Inference.Planning;
using I2V.Worker.Fitting;

namespace I2V.Tests.Worker;

/// <summary>What a worker tells the gateway that it would do.</summary>
public sealed class FitTableTests
{
    private static readonly ModelManifest Guided = PlanSamples.I2VGenXl with { Defaults = PlanSamples.I2VGenXl.Defaults with { GuidanceScale = 9 } };

    [Fact]
    public void A_large_card_takes_every_size_as_it_is_and_says_what_smaller_ones_would_need()
    {
        var rows = FitTable.Of(Guided, On(24));

        Assert.Equal([(512, 16), (768, 24), (704, 16), (1024, 32)], rows.Select(row => (row.Height, row.NumFrames)).Distinct());
        Assert.All(rows, row => Assert.True(row.Exact));
        var usual = rows.Where(row => row.Height == 512).ToList();
        Assert.Equal([Rung.Resident, Rung.Sliced, Rung.EncodersReleased, Rung.SerialGuidance, Rung.DenoiserReleased, Rung.Streamed], usual.Select(row => row.Rung!));
        Assert.True(usual[0].PeakBytes > usual[^1].PeakBytes);
        Assert.Equal(35, usual[0].Steps);
    }

    [Fact]
    public void A_small_card_says_what_a_large_film_becomes()
    {
        var large = FitTable.Of(Guided, On(8)).Single(row => row is { Width: 1024, NumFrames: 32 });

        Assert.False(large.Exact);
        Assert.Equal(16, large.AppliedNumFrames);
        Assert.True(large.AppliedWidth * (large.AppliedHeight ?? large.Height) <= Resolution.PixelsOf(512));
        Assert.NotEmpty(large.Degradations);
    }

    [Fact]
    public void A_card_that_is_too_small_for_anything_says_what_is_missing()
    {
        var row = FitTable.Of(Guided, On(1))[0];

        Assert.Equal((null, "vram_insufficient"), (row.Rung, row.Code));
        Assert.True(row.PeakBytes > 1L << 30);
    }

    [Fact]
    public void A_model_without_steps_or_guidance_has_a_table_too()
    {
        var rows = FitTable.Of(PlanSamples.Motion, new Planner(PlanSamples.Motion, PlanSamples.Card(8.0), FitRules.Default, []));

        Assert.All(rows, row => Assert.Equal((Rung.Resident, null, false), (row.Rung, row.Steps, row.Guided)));
    }

    private static Planner On(double gibibytes) => new(Guided, PlanSamples.Card(gibibytes), FitRules.Default, []);
}
