using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Cli.Render;

/// <summary>Fills in what the command line leaves open, by the rules that the gateway follows.</summary>
internal static class RenderSettings
{
    /// <summary>Largest seed that JavaScript can hold, as everywhere.</summary>
    private const long MaxSeed = (1L << 53) - 1;

    public static GenerationRequest Resolve(ModelManifest manifest, JobSettings given, RgbImage photo, Random random)
    {
        var preset = Preset(manifest, given.Preset);
        var size = FilmSize.Derive(given.Width, given.Height, photo.Width, photo.Height, Limits(manifest));
        return new GenerationRequest
        {
            Image = photo,
            Prompt = given.Prompt ?? "",
            NegativePrompt = given.NegativePrompt ?? manifest.Defaults.NegativePrompt ?? "",
            Width = size.Width,
            Height = size.Height,
            NumFrames = given.NumFrames ?? manifest.Defaults.NumFrames,
            Fps = given.Fps ?? manifest.Defaults.Fps,
            Steps = given.Steps ?? preset?.Steps ?? manifest.Defaults.Steps,
            GuidanceScale = given.GuidanceScale ?? manifest.Defaults.GuidanceScale,
            Seed = given.Seed ?? random.NextInt64(MaxSeed + 1),
            MotionAmount = given.MotionAmount ?? manifest.Defaults.MotionAmount,
        };
    }

    /// <summary>Settings that were given although the model does not read them.</summary>
    public static IEnumerable<string> Unused(ModelManifest manifest, JobSettings given)
    {
        (string Name, bool Given)[] all =
        [
            ("prompt", given.Prompt is not null),
            ("negative_prompt", given.NegativePrompt is not null),
            ("steps", given.Steps is not null),
            ("guidance_scale", given.GuidanceScale is not null),
            ("motion_amount", given.MotionAmount is not null),
            ("preset", given.Preset is not null),
        ];
        return all.Where(setting => setting.Given && !Uses(manifest, setting.Name)).Select(setting => setting.Name);
    }

    private static bool Uses(ModelManifest manifest, string setting) =>
        setting == "preset" ? manifest.Presets is { Count: > 0 } : manifest.UsedSettings.Contains(setting);

    private static ModelPreset? Preset(ModelManifest manifest, string? asked)
    {
        if (manifest.Presets is not { Count: > 0 } presets || (asked ?? manifest.Defaults.Preset) is not { } name)
        {
            return null;
        }

        return presets.TryGetValue(name, out var preset)
            ? preset
            : throw new GenerationException(GenerationError.InvalidSettings, $"{manifest.Name} has no preset {name}; it has {string.Join(", ", presets.Keys)}.");
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
    };
}
