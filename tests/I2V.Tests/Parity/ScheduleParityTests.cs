using System.Text.Json;
using I2V.Inference.Models;
using I2V.Inference.Sampling;
using I2V.ModelBuilder.Checkpoints;

namespace I2V.Tests.Parity;

/// <summary>Against the reference's schedulers: noise levels, timesteps, and every sample along a walk over given outputs.</summary>
public sealed class ScheduleParityTests
{
    private const double AlphaTolerance = 5e-6; // absolute
    private const double SampleTolerance = 1e-5; // relative

    private static readonly JsonElement Described = Fixtures.Json("fixtures/schedules.json");
    private static readonly IReadOnlyDictionary<string, FixtureTensor> Stored = Fixtures.Tensors("schedules");
    private static readonly SchedulerConfig Config = SchedulerConfigReader.I2VGenXl;

    public static TheoryData<string> Timed => [.. Described.GetProperty("timesteps").EnumerateObject().Select(entry => entry.Name)];

    public static TheoryData<string> Walked => [.. Trajectories.Keys];

    private static Dictionary<string, Trajectory> Trajectories { get; } =
        Fixtures.Read<Trajectory[]>(Described.GetProperty("trajectories")).ToDictionary(trajectory => trajectory.Name);

    [Fact]
    public void Alphas_are_the_reference_s()
    {
        var expected = Stored["alphas_cumprod"].Floats;
        var error = Measures.Largest(new NoiseSchedule(Config).AlphasCumprod, expected);
        Measures.Print($"alphas_cumprod: {error:0.00e-0} absolute");
        Assert.True(error <= AlphaTolerance, $"ᾱ differs by {error}.");

        // Without its own end at nothing but noise the schedule is 2.5e-5 away, nowhere more: its last entry tells more.
        Assert.Equal(0, expected[^1]);
        AssertOther(Config with { RescaleBetasZeroSnr = false }, times: 1);
        AssertOther(Config with { BetaSchedule = "scaled_linear" }, times: 10);
        AssertOther(Config with { BetaSchedule = "linear" }, times: 10);

        void AssertOther(SchedulerConfig other, int times) =>
            Assert.True(Measures.Largest(new NoiseSchedule(other).AlphasCumprod, expected) > times * AlphaTolerance);
    }

    [Theory]
    [MemberData(nameof(Timed))]
    public void Timesteps_are_the_reference_s(string name)
    {
        var expected = Described.GetProperty("timesteps").GetProperty(name).EnumerateArray().Select(timestep => (int)timestep.GetDouble()).ToArray();
        var config = Config with { TimestepSpacing = name.Contains("trailing", StringComparison.Ordinal) ? "trailing" : "leading" };
        var other = Config with { TimestepSpacing = config.TimestepSpacing == "leading" ? "trailing" : "leading" };
        Func<SchedulerConfig, int, int[]> make = name.StartsWith("ddim", StringComparison.Ordinal) ? Timesteps.SingleStep : Timesteps.MultiStep;

        Assert.Equal(expected, make(config, expected.Length));
        Assert.NotEqual(expected, make(other, expected.Length));
    }

    [Theory]
    [MemberData(nameof(Walked))]
    public void Every_sample_of_a_walk_is_the_reference_s(string name)
    {
        var (path, error) = (Walk(name), 0.0);
        var expected = Stored[name].Floats.Chunk(path[0].Length).ToList();
        Assert.Equal(expected.Count, path.Count);
        for (var step = 0; step < path.Count; step++)
        {
            error = Math.Max(error, Measures.Relative(path[step], expected[step]));
        }

        Measures.Print($"{name}: {error:0.00e-0} relative, the largest of {path.Count} steps");
        Assert.True(error <= SampleTolerance, $"{name} differs by {error}.");
    }

    [Theory]
    [MemberData(nameof(Walked))]
    public void Another_sample_output_noise_or_eta_gives_another_walk(string name)
    {
        var expected = Stored[name].Floats[^64..];
        var last = Trajectories[name].Steps - 1;
        List<string> changes = [$"input:{name}/sample", $"input:{name}/model_output:0", $"input:{name}/model_output:{last}"];
        if (Trajectories[name].Eta > 0)
        {
            changes.Add($"input:{name}/noise:0");
        }

        Assert.All(changes, change => AssertOther(Walk(name, other: change)));
        if (Trajectories[name].Eta is { } eta)
        {
            AssertOther(Walk(name, eta: eta + 0.1));
        }

        void AssertOther(List<float[]> path) => Assert.True(Measures.Relative(path[^1], expected) >= 10 * SampleTolerance);
    }

    /// <summary>The samples after every step.</summary>
    /// <param name="name">Of the trajectory.</param>
    /// <param name="other">A stream that another one takes the place of.</param>
    /// <param name="eta">In place of the trajectory's.</param>
    private static List<float[]> Walk(string name, string? other = null, double? eta = null)
    {
        var count = Described.GetProperty("shape").EnumerateArray().Aggregate(1, (product, side) => product * side.GetInt32());
        var trajectory = Trajectories[name];
        var schedule = new NoiseSchedule(Config with { TimestepSpacing = name.Contains("trailing", StringComparison.Ordinal) ? "trailing" : "leading" });
        ISampler sampler = name.StartsWith("ddim", StringComparison.Ordinal)
            ? new DdimSampler(schedule, trajectory.Steps, eta ?? trajectory.Eta ?? 0, (noise, step) => Stream($"noise:{step}").CopyTo(noise, 0))
            : new DpmSolverMultistepSampler(schedule, trajectory.Steps);
        var sample = Stream("sample");
        var path = new List<float[]>();
        for (var step = 0; step < trajectory.Steps; step++)
        {
            sampler.Step(Stream($"model_output:{step}"), sample);
            path.Add([.. sample]);
        }

        return path;

        float[] Stream(string input) => $"input:{name}/{input}" is var stream && stream == other
            ? Streams.Uniform($"{stream}:other", count)
            : Streams.Uniform($"input:{name}/{input}", count);
    }

    /// <param name="Name">Of its streams and of the samples that are stored.</param>
    /// <param name="Steps">How many.</param>
    /// <param name="Eta">Of DDIM; null for DPM-Solver++.</param>
    private sealed record Trajectory(string Name, int Steps, double? Eta);
}
