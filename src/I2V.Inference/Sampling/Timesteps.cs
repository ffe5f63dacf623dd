using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Sampling;

/// <summary>Which training timesteps a run visits, the noisiest first (Lin et al., arXiv:2305.08891, table 2).</summary>
internal static class Timesteps
{
    /// <summary>For samplers of one step at a time: DDIM.</summary>
    /// <exception cref="GenerationException">The schedule has no room for so many steps.</exception>
    /// <exception cref="NotSupportedException">The spacing is unknown.</exception>
    public static int[] SingleStep(SchedulerConfig config, int steps) =>
        Checked(config, steps, config.TimestepSpacing switch
        {
            "leading" => Leading(config, config.NumTrainTimesteps / steps, steps, first: 0),
            "linspace" => Line(config, steps, points: steps),
            _ => Trailing(config, steps),
        });

    /// <summary>For DPM-Solver: as if there were one more step, which is left out, since the solver ends at no noise by itself.</summary>
    /// <exception cref="GenerationException">The schedule has no room for so many steps.</exception>
    /// <exception cref="NotSupportedException">The spacing is unknown.</exception>
    public static int[] MultiStep(SchedulerConfig config, int steps) =>
        Checked(config, steps, config.TimestepSpacing switch
        {
            "leading" => Leading(config, config.NumTrainTimesteps / (steps + 1), steps, first: 1),
            "linspace" => Line(config, steps, points: steps + 1),
            _ => Trailing(config, steps),
        });

    private static int[] Leading(SchedulerConfig config, int ratio, int steps, int first) =>
        [.. Enumerable.Range(0, steps).Select(step => ((steps - 1 - step + first) * ratio) + config.StepsOffset)];

    /// <summary>From the last training timestep towards 0, which is only reached by as many points as steps.</summary>
    private static int[] Line(SchedulerConfig config, int steps, int points)
    {
        var last = config.NumTrainTimesteps - 1;
        var step = points > 1 ? (double)last / (points - 1) : 0;
        return [.. Enumerable.Range(0, steps).Select(i => points - 1 - i).Select(i => i > 0 && i == points - 1 ? last : (int)Math.Round(i * step, MidpointRounding.ToEven))];
    }

    private static int[] Trailing(SchedulerConfig config, int steps)
    {
        if (config.TimestepSpacing != "trailing")
        {
            throw new NotSupportedException($"scheduler.timestep_spacing is {config.TimestepSpacing}, but must be leading, trailing or linspace");
        }

        var ratio = (double)config.NumTrainTimesteps / steps;
        return [.. Enumerable.Range(0, steps).Select(step => (int)Math.Round(config.NumTrainTimesteps - (step * ratio), MidpointRounding.ToEven) - 1)];
    }

    private static int[] Checked(SchedulerConfig config, int steps, int[] timesteps) =>
        timesteps[0] < config.NumTrainTimesteps && timesteps[^1] >= 0
            ? timesteps
            : throw new GenerationException(
                GenerationError.InvalidSettings,
                $"With {steps} steps the model's schedule would start at timestep {timesteps[0]}, but its last is {config.NumTrainTimesteps - 1}; take fewer steps.");
}
