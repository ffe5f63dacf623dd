using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Sampling;

namespace I2V.Tests.Inference.Sampling;

public sealed class NoiseScheduleTests
{
    private static readonly int[] Probes = [0, 1, 250, 500, 750, 998, 999];

    /// <summary>Computed in double from the formulas, with none of fp32's rounding.</summary>
    [Theory]
    [InlineData("linear", false, new[] { 0.9999, 0.999780092, 0.521423031, 0.0777966584, 0.00330015836, 4.11819364e-05, 4.03582977e-05 })]
    [InlineData("linear", true, new[] { 0.9999, 0.999779325, 0.518860537, 0.0752462157, 0.00264410592, 4.21326247e-09, 0.0 })]
    [InlineData("scaled_linear", false, new[] { 0.9999, 0.999797362, 0.820010236, 0.33127458, 0.0381496574, 0.000748380061, 0.00073341246 })]
    [InlineData("scaled_linear", true, new[] { 0.9999, 0.999794505, 0.815257673, 0.317815215, 0.0299016699, 7.98631539e-08, 0.0 })]
    [InlineData("squaredcos_cap_v2", false, new[] { 0.999958716, 0.999912576, 0.845887986, 0.492285172, 0.143178646, 2.42876691e-06, 2.42876691e-09 })]
    [InlineData("squaredcos_cap_v2", true, new[] { 0.999958716, 0.999912574, 0.84588071, 0.492264539, 0.143155463, 2.27781148e-06, 0.0 })]
    public void The_picture_s_share_follows_the_formula_of_the_schedule(string beta, bool zeroSnr, double[] expected)
    {
        var schedule = new NoiseSchedule(Schedules.ZeroSnr with { BetaSchedule = beta, RescaleBetasZeroSnr = zeroSnr });

        for (var i = 0; i < Probes.Length; i++)
        {
            Assert.Equal(expected[i], schedule.AlphasCumprod[Probes[i]], 5e-6);
        }

        Assert.Equal(1000, schedule.AlphasCumprod.Length);
    }

    [Fact]
    public void With_zero_terminal_snr_nothing_of_the_picture_is_left_at_the_end()
    {
        Assert.Equal(0f, new NoiseSchedule(Schedules.ZeroSnr).AlphasCumprod[999]);
        Assert.NotEqual(0f, new NoiseSchedule(Schedules.ZeroSnr with { RescaleBetasZeroSnr = false }).AlphasCumprod[999]);
    }

    [Fact]
    public void Behind_the_last_step_is_the_picture_or_the_first_timestep()
    {
        var plain = new NoiseSchedule(Schedules.ZeroSnr with { SetAlphaToOne = false });

        Assert.Equal(1f, new NoiseSchedule(Schedules.ZeroSnr).FinalAlphaCumprod);
        Assert.Equal(plain.AlphasCumprod[0], plain.FinalAlphaCumprod);
    }

    [Fact]
    public void What_is_unknown_is_refused_by_the_name_of_its_field()
    {
        Assert.Contains("beta_schedule is laplace", Refusal(Schedules.ZeroSnr with { BetaSchedule = "laplace" }), StringComparison.Ordinal);
        Assert.Contains("prediction_type is flow", Refusal(Schedules.ZeroSnr with { PredictionType = "flow" }), StringComparison.Ordinal);
        Assert.Contains("thresholding is true", Refusal(Schedules.ZeroSnr with { Thresholding = true }), StringComparison.Ordinal);
        Assert.Contains("num_train_timesteps is 1", Refusal(Schedules.ZeroSnr with { NumTrainTimesteps = 1 }), StringComparison.Ordinal);
        Assert.Contains(
            "timestep_spacing is karras",
            Assert.Throws<NotSupportedException>(() => Timesteps.SingleStep(Schedules.ZeroSnr with { TimestepSpacing = "karras" }, 10)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("leading", 5, new[] { 801, 601, 401, 201, 1 })]
    [InlineData("linspace", 7, new[] { 999, 832, 666, 500, 333, 166, 0 })]
    [InlineData("linspace", 1, new[] { 0 })]
    [InlineData("trailing", 7, new[] { 999, 856, 713, 570, 428, 285, 142 })]
    [InlineData("trailing", 16, new[] { 999, 937, 874, 811, 749, 687, 624, 561, 499, 437, 374, 311, 249, 187, 124, 61 })]
    public void A_sampler_of_single_steps_visits_these_timesteps(string spacing, int steps, int[] expected) =>
        Assert.Equal(expected, Timesteps.SingleStep(Schedules.ZeroSnr with { TimestepSpacing = spacing }, steps));

    [Theory]
    [InlineData("leading", 10, new[] { 901, 811, 721, 631, 541, 451, 361, 271, 181, 91 })]
    [InlineData("linspace", 7, new[] { 999, 856, 714, 571, 428, 285, 143 })]
    [InlineData("linspace", 1, new[] { 999 })]
    [InlineData("trailing", 7, new[] { 999, 856, 713, 570, 428, 285, 142 })]
    public void A_solver_of_several_steps_visits_these_timesteps(string spacing, int steps, int[] expected) =>
        Assert.Equal(expected, Timesteps.MultiStep(Schedules.ZeroSnr with { TimestepSpacing = spacing }, steps));

    [Fact]
    public void Fifty_steps_go_from_981_to_1()
    {
        var timesteps = Timesteps.SingleStep(Schedules.ZeroSnr, 50);

        Assert.Equal(Enumerable.Range(0, 50).Select(step => 981 - (20 * step)), timesteps);
    }

    [Fact]
    public void Every_number_of_steps_up_to_999_has_its_timesteps_and_1000_is_refused()
    {
        foreach (var spacing in (string[])["leading", "trailing", "linspace"])
        {
            var config = Schedules.ZeroSnr with { TimestepSpacing = spacing };
            for (var steps = 1; steps <= 999; steps++)
            {
                var timesteps = Timesteps.SingleStep(config, steps);
                Assert.Equal(steps, timesteps.Length);
                Assert.InRange(timesteps[^1], 0, 999);
                Assert.True(timesteps.Zip(timesteps.Skip(1)).All(pair => pair.First > pair.Second));
            }
        }

        var error = Assert.Throws<GenerationException>(() => Timesteps.SingleStep(Schedules.ZeroSnr, 1000));
        Assert.Equal(GenerationError.InvalidSettings, error.Error);
        Assert.Contains("timestep 1000", error.Message, StringComparison.Ordinal);
    }

    private static string Refusal(SchedulerConfig config) => Assert.Throws<NotSupportedException>(() => new NoiseSchedule(config)).Message;
}
