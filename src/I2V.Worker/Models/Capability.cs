using I2V.Inference.Models;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Worker.Models;

/// <summary>Says in the protocol's words what a package can do.</summary>
internal static class Capability
{
    public static ModelCapability Of(ModelPackage package)
    {
        var manifest = package.Manifest;
        return new ModelCapability
        {
            Name = manifest.Name,
            Family = manifest.Family,
            Version = manifest.Version,
            PackageSha256 = package.Sha256,
            License = manifest.License,
            Description = manifest.Description,
            Limits = Limits(manifest),
            UsedSettings = manifest.UsedSettings,
            Defaults = Defaults(manifest.Defaults),
            Presets = (manifest.Presets ?? new Dictionary<string, ModelPreset>()).ToDictionary(preset => preset.Key, preset => new JobSettings { Steps = preset.Value.Steps }),
        };
    }

    private static ModelLimits Limits(ModelManifest manifest) => new()
    {
        Width = new IntRange(manifest.Sizes.Min, manifest.Sizes.Max),
        Height = new IntRange(manifest.Sizes.Min, manifest.Sizes.Max),
        SizeMultipleOf = manifest.Sizes.MultipleOf,
        DefaultLongestSide = manifest.Sizes.DefaultLongestSide,
        Frames = new IntRange(manifest.Frames.Min, manifest.Frames.Max),
        FrameRule = manifest.Frames.Rule,
        Fps = new IntRange(manifest.Fps.Min, manifest.Fps.Max),
        Steps = manifest.Steps is { } steps ? new IntRange(steps.Min, steps.Max) : null,
        GuidanceScale = manifest.GuidanceScale is { } scale ? new DoubleRange(scale.Min, scale.Max) : null,
    };

    private static JobSettings Defaults(ModelDefaults defaults) => new()
    {
        NumFrames = defaults.NumFrames,
        Fps = defaults.Fps,
        Steps = defaults.Steps,
        GuidanceScale = defaults.GuidanceScale,
        MotionAmount = defaults.MotionAmount,
        NegativePrompt = defaults.NegativePrompt,
        Preset = defaults.Preset,
    };
}
