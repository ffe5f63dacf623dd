using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

public sealed class TimeModelTests
{
    private static readonly FitProfile Timed = PlanSamples.Profile(Rung.Sliced, PlanSamples.Film512, 6_000_000_000, 6_100_000_000, 5_900_000_000) with
    {
        EncodeSeconds = 0.1,
        SecondsPerStep = 0.138,
        DecodeSeconds = 0.18,
    };

    [Fact]
    public void A_film_that_was_timed_takes_what_it_took() =>
        Assert.Equal(0.1 + (50 * 0.138) + 0.18, Seconds(PlanSamples.Film512, Rung.Sliced, Timed)!.Value, 9);

    // TFLOP of a step at these sizes over those at 512×512×16.
    [Theory]
    [InlineData(1280, 704, 16, 176.2 / 41.9)]
    [InlineData(768, 768, 24, 157.5 / 41.9)]
    public void Steps_of_other_sizes_take_as_much_longer_as_they_compute_more(int width, int height, int frames, double ratio)
    {
        var film = new PlanRequest(width, height, frames, Steps: 1000, Guided: true);
        var steps = Timed with { EncodeSeconds = null, DecodeSeconds = null };

        Assert.Equal(ratio, Seconds(film, Rung.Sliced, steps)!.Value / (1000 * 0.138), tolerance: ratio * 0.005);
    }

    [Fact]
    public void Without_guidance_steps_take_half() =>
        Assert.Equal(
            50 * 0.138 / 2,
            Seconds(PlanSamples.Film512 with { Guided = false }, Rung.Sliced, Timed with { EncodeSeconds = null, DecodeSeconds = null })!.Value,
            9);

    [Fact]
    public void The_nearest_rung_tells()
    {
        var streamed = Timed with { Rung = Rung.Streamed, SecondsPerStep = 0.3, EncodeSeconds = null, DecodeSeconds = null };

        Assert.Equal(50 * 0.3, Seconds(PlanSamples.Film512, Rung.DenoiserReleased, Timed, streamed)!.Value, 9);
    }

    [Fact]
    public void The_newest_of_equal_runs_tells()
    {
        var newer = Timed with { SecondsPerStep = 0.2, EncodeSeconds = null, DecodeSeconds = null };

        Assert.Equal(50 * 0.2, Seconds(PlanSamples.Film512, Rung.Sliced, Timed, newer)!.Value, 9);
    }

    [Fact]
    public void Another_devices_runs_tell_nothing() =>
        Assert.Null(Seconds(PlanSamples.Film512, Rung.Sliced, Timed with { Device = "another" }));

    [Fact]
    public void A_run_without_times_tells_nothing() =>
        Assert.Null(Seconds(PlanSamples.Film512, Rung.Sliced, Timed with { SecondsPerStep = null }));

    [Fact]
    public void A_plan_says_its_seconds()
    {
        var plan = PlanSamples.Planned(PlanSamples.Plan(PlanSamples.Film512, PlanSamples.Card(8.0), learned: Timed));

        Assert.Equal((Rung.Sliced, 0.1 + (50 * 0.138) + 0.18), (plan.Rung.Name, plan.Seconds));
    }

    private static double? Seconds(PlanRequest film, string rung, params FitProfile[] profiles) =>
        TimeModel.Seconds(film, PlanSamples.RungOf(rung, film), PlanSamples.Gpu, profiles);
}
