using I2V.Inference.Models;

namespace I2V.ModelBuilder.Checkpoints;

/// <summary>Reads <c>scheduler/scheduler_config.json</c>. What it leaves out has the value that the reference implementation's class has.</summary>
internal static class SchedulerConfigReader
{
    /// <summary>The published model's.</summary>
    public static SchedulerConfig I2VGenXl { get; } = new()
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

    public static SchedulerConfig Read(ConfigFile file)
    {
        file.Require("_class_name", "\"DDIMScheduler\"");
        file.Require("trained_betas", "null");
        file.Require("thresholding", "false");
        file.Ignore("dynamic_thresholding_ratio", "sample_max_value", "skip_prk_steps");
        var config = new SchedulerConfig
        {
            NumTrainTimesteps = file.Int("num_train_timesteps", 1000),
            BetaSchedule = OneOf(file, "beta_schedule", "linear", "scaled_linear", "squaredcos_cap_v2"),
            BetaStart = file.Double("beta_start", 0.0001),
            BetaEnd = file.Double("beta_end", 0.02),
            RescaleBetasZeroSnr = file.Bool("rescale_betas_zero_snr", false),
            PredictionType = OneOf(file, "prediction_type", "epsilon", "sample", "v_prediction"),
            TimestepSpacing = OneOf(file, "timestep_spacing", "leading", "trailing", "linspace"),
            StepsOffset = file.Int("steps_offset", 0),
            SetAlphaToOne = file.Bool("set_alpha_to_one", true),
            ClipSample = file.Bool("clip_sample", true),
            ClipSampleRange = file.Double("clip_sample_range", 1),
            Thresholding = false,
        };
        file.RefuseUnknown();
        return config;
    }

    /// <param name="file">The configuration.</param>
    /// <param name="property">Of it.</param>
    /// <param name="known">The values that are known, the default first.</param>
    private static string OneOf(ConfigFile file, string property, params string[] known) =>
        file.Text(property, known[0]) is var value && known.Contains(value) ? value : throw file.Refuse(property, string.Join(" or ", known));
}
