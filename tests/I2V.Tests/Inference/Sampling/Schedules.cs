using I2V.Inference.Models;
using I2V.ModelBuilder.Checkpoints;

namespace I2V.Tests.Inference.Sampling;

/// <summary>Schedules of published models.</summary>
internal static class Schedules
{
    /// <summary>I2VGen-XL's.</summary>
    public static SchedulerConfig ZeroSnr => SchedulerConfigReader.I2VGenXl;

    /// <summary>Stable Diffusion's.</summary>
    public static SchedulerConfig Scaled { get; } = ZeroSnr with
    {
        BetaSchedule = "scaled_linear",
        BetaStart = 0.00085,
        BetaEnd = 0.012,
        RescaleBetasZeroSnr = false,
        PredictionType = "epsilon",
    };
}
