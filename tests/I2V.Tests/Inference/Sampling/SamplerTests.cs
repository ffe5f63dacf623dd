using I2V.Inference.Pipelines;
using I2V.Inference.Sampling;

namespace I2V.Tests.Inference.Sampling;

public sealed class SamplerTests
{
    /// <summary>Trajectories computed in double from the papers' formulas, for a network that says 0.3·x + 0.1.</summary>
    public static TheoryData<string, string, int, double[]> Trajectories => new()
    {
        { "ddim", "v_prediction leading", 10, [0.46492322, -0.40040526, 0.032258978] },
        { "ddim", "v_prediction leading", 50, [0.49050964, -0.42914722, 0.03068121] },
        { "ddim", "v_prediction trailing", 8, [0.40381177, -0.38119956, 0.011306103] },
        { "ddim", "epsilon leading", 10, [3.3611175, -2.4662353, 0.44744107] },
        { "ddim", "sample leading", 10, [0.20477817, 0.10635696, 0.15556757] },
        { "ddim", "epsilon leading clip", 10, [0.36813922, -0.31655427, 0.31895347] },
        { "dpm++2m", "v_prediction leading", 10, [0.53462429, -0.43973731, 0.047443492] },
        { "dpm++2m", "v_prediction leading", 25, [0.51781722, -0.4398426, 0.038987313] },
        { "dpm++2m", "v_prediction trailing", 8, [0.47666963, -0.42376446, 0.026452587] },
        { "dpm++2m", "epsilon leading", 10, [3.1643201, -2.3137506, 0.42528475] },
        { "dpm++2m", "sample leading", 10, [0.29118505, 0.05553581, 0.17336043] },
    };

    /// <summary>DDIM on linspace is left out: the reference steps by T/N there as well, which is not the timesteps' distance.</summary>
    public static TheoryData<string, string, string> Exact =>
    [
        .. from name in Samplers.Names
           from prediction in (string[])["v_prediction", "epsilon", "sample"]
           from spacing in (string[])["leading", "trailing", "linspace"]
           where name != "ddim" || spacing != "linspace"
           select (name, prediction, spacing),
    ];

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void A_trajectory_is_that_of_the_formulas(string name, string options, int steps, double[] expected)
    {
        var words = options.Split(' ');
        var config = words[0] == "v_prediction" ? Schedules.ZeroSnr : Schedules.Scaled with { PredictionType = words[0] };
        config = config with { TimestepSpacing = words[1], ClipSample = words.Contains("clip"), ClipSampleRange = 0.4 };
        float[] sample = [1, -0.5f, 0.25f];

        Walk(Samplers.Create(name, new NoiseSchedule(config), steps), sample, (x, _, _) => (0.3f * x) + 0.1f);

        for (var i = 0; i < sample.Length; i++)
        {
            Assert.Equal(expected[i], sample[i], 1e-5 * Math.Max(1, Math.Abs(expected[i])));
        }
    }

    /// <summary>A network that knows the picture and the noise leaves both where they are: every sampler ends at the picture.</summary>
    [Theory]
    [MemberData(nameof(Exact))]
    public void A_network_that_is_right_leads_to_the_picture(string name, string prediction, string spacing)
    {
        var config = (prediction == "epsilon" ? Schedules.Scaled : Schedules.ZeroSnr) with { PredictionType = prediction, TimestepSpacing = spacing };
        var schedule = new NoiseSchedule(config);
        var sampler = Samplers.Create(name, schedule, 20);
        float[] picture = [0.7f, -0.3f, 1.1f, 0];
        float[] noise = [-1.2f, 0.4f, 0.1f, 2];
        float Level(int timestep) => schedule.AlphasCumprod[timestep];
        var start = Level(sampler.Timesteps[0]);
        var sample = picture.Zip(noise, (x, e) => (MathF.Sqrt(start) * x) + (MathF.Sqrt(1 - start) * e)).ToArray();

        Walk(sampler, sample, (_, timestep, i) => config.PredictionType switch
        {
            "epsilon" => noise[i],
            "sample" => picture[i],
            _ => (MathF.Sqrt(Level(timestep)) * noise[i]) - (MathF.Sqrt(1 - Level(timestep)) * picture[i]),
        });

        Assert.Equal(picture, sample, (a, b) => Math.Abs(a - b) < 2e-3);
        Assert.Equal(picture, sampler.Denoised.ToArray(), (a, b) => Math.Abs(a - b) < 2e-3);
    }

    [Fact]
    public void With_eta_a_step_adds_seeded_noise_of_the_formula_s_deviation()
    {
        var schedule = new NoiseSchedule(Schedules.Scaled with { PredictionType = "sample" });
        var (plain, same, other) = (new float[20_000], new float[20_000], new float[20_000]);
        new DdimSampler(schedule, 10, seed: 3, eta: 1).Step(new float[20_000], plain);
        new DdimSampler(schedule, 10, seed: 3, eta: 1).Step(new float[20_000], same);
        new DdimSampler(schedule, 10, seed: 4, eta: 1).Step(new float[20_000], other);

        var (alpha, before) = ((double)schedule.AlphasCumprod[901], (double)schedule.AlphasCumprod[801]);
        Assert.Equal(plain, same);
        Assert.NotEqual(plain, other);
        Assert.Equal((1 - before) / (1 - alpha) * (1 - (alpha / before)), plain.Average(value => (double)value * value), 0.02);
    }

    [Fact]
    public void With_eta_1_the_step_away_from_nothing_but_noise_is_finite()
    {
        var schedule = new NoiseSchedule(Schedules.ZeroSnr with { TimestepSpacing = "trailing" });
        foreach (var steps in (int[])[1, 2, 3, 5, 7, 10, 25, 33, 50, 77, 100])
        {
            float[] sample = [1, -1, 0.5f];
            Walk(new DdimSampler(schedule, steps, seed: 1, eta: 1), sample, (x, _, _) => 0.5f * x);
        }
    }

    [Fact]
    public void The_sample_as_first_seen_is_empty_and_then_the_prediction()
    {
        var sampler = Samplers.Create("ddim", new NoiseSchedule(Schedules.ZeroSnr with { PredictionType = "sample" }), 5);
        Assert.True(sampler.Denoised.IsEmpty);

        sampler.Step([0.25f, 0.5f], [1, 1]);

        Assert.Equal([0.25f, 0.5f], sampler.Denoised.ToArray());
    }

    [Fact]
    public void A_network_that_predicts_noise_cannot_start_from_nothing_but_noise()
    {
        var config = Schedules.ZeroSnr with { PredictionType = "epsilon", TimestepSpacing = "trailing" };

        var error = Assert.Throws<GenerationException>(() => Samplers.Create("ddim", new NoiseSchedule(config), 10));

        Assert.Contains("timestep 999", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_solver_needs_one_timestep_more_than_it_takes_steps()
    {
        Assert.Equal(998, Samplers.Create("dpm++2m", new NoiseSchedule(Schedules.ZeroSnr), 998).Timesteps.Count);
        Assert.Contains(
            "take fewer steps",
            Assert.Throws<GenerationException>(() => Samplers.Create("dpm++2m", new NoiseSchedule(Schedules.ZeroSnr), 999)).Message,
            StringComparison.Ordinal);
    }

    private static void Walk(ISampler sampler, float[] sample, Func<float, int, int, float> network)
    {
        foreach (var timestep in sampler.Timesteps)
        {
            sampler.Step([.. sample.Select((x, i) => network(x, timestep, i))], sample);
            Assert.All(sample, value => Assert.True(float.IsFinite(value)));
        }
    }
}
