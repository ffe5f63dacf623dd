using I2V.Inference.Models;

namespace I2V.Tests.Inference.Sampling;

/// <summary>Schedules of published models.</summary>
internal static class Schedules
{
    /// <summary>I2VGen-XL's.</summary>
    public static SchedulerConfig ZeroSnr { get; } = new()
    {
        NumTrainTimesteps = 1000,
        BetaSchedule = "squaredcos_cap_v2",
        BetaStart = 0.0001,
        BetaEnd = 0.02,
        RescaleBetasZeroSnr = true,
        PredictionType = "v_prediction",
        TimestepSpacing = "leading",
        StepsOffset = 1,
        SetAlphaToOne = true,
        ClipSample = false,
        ClipSampleRange = 1,
        Thresholding = false,
    };

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
