using System.Globalization;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>
/// Lays the request over the model's preset and defaults and checks the result against its limits. What the user gave is refused
/// or taken as it is, never bent; what the model does not use is left out with a warning.
/// </summary>
internal sealed class SettingsResolver(ModelCapability model, ErrorList errors)
{
    private readonly List<JobWarning> warnings = [];

    public IReadOnlyList<JobWarning> Warnings => warnings;

    /// <summary>Everything but the size, which needs the picture.</summary>
    /// <param name="requested">What the user said.</param>
    /// <param name="drawSeed">Called when the user gave no seed.</param>
    public JobSettings Resolve(JobSettings requested, Func<long> drawSeed)
    {
        var preset = FindPreset(requested.Preset);
        var defaults = model.Defaults;
        CheckGiven(requested);
        WarnUnused(requested);
        return new JobSettings
        {
            Prompt = Used("prompt", requested.Prompt ?? preset?.Prompt ?? defaults.Prompt),
            NegativePrompt = Used("negative_prompt", requested.NegativePrompt ?? preset?.NegativePrompt ?? defaults.NegativePrompt),
            Width = requested.Width ?? preset?.Width,
            Height = requested.Height ?? preset?.Height,
            NumFrames = requested.NumFrames ?? preset?.NumFrames ?? defaults.NumFrames,
            Fps = requested.Fps ?? preset?.Fps ?? defaults.Fps,
            Steps = Used("steps", requested.Steps ?? preset?.Steps ?? defaults.Steps),
            GuidanceScale = Used("guidance_scale", requested.GuidanceScale ?? preset?.GuidanceScale ?? defaults.GuidanceScale),
            Seed = requested.Seed ?? drawSeed(),
            Preset = preset is null ? null : requested.Preset ?? defaults.Preset,
            MotionAmount = Used("motion_amount", requested.MotionAmount ?? preset?.MotionAmount ?? defaults.MotionAmount),
        };
    }

    /// <summary>Fills in the size, once the upright picture is known.</summary>
    public JobSettings WithSize(JobSettings settings, int photoWidth, int photoHeight)
    {
        var size = FilmSize.Derive(settings.Width, settings.Height, photoWidth, photoHeight, model.Limits);
        if (size.Clamped)
        {
            warnings.Add(new JobWarning(
                "aspect_ratio_changed",
                settings.Width is null ? "width" : "height",
                $"The photo is too long and narrow for {model.Name}: the film is {size.Width}×{size.Height} and does not keep its aspect ratio."));
        }

        return settings with { Width = size.Width, Height = size.Height };
    }

    /// <summary>The floors of <c>fit</c> must not lie above what is asked for.</summary>
    public void CheckFloors(JobFit fit, JobSettings applied)
    {
        CheckFloor("min_width", fit.MinWidth, applied.Width);
        CheckFloor("min_height", fit.MinHeight, applied.Height);
        CheckFloor("min_frames", fit.MinFrames, applied.NumFrames);
    }

    private void CheckFloor(string name, int? floor, int? applied)
    {
        if (floor > applied)
        {
            errors.Add($"/fit/{name}", string.Create(CultureInfo.InvariantCulture, $"Is {floor}, above the {applied} that the film has; must be at most {applied}."));
        }
    }

    private JobSettings? FindPreset(string? name)
    {
        var wanted = name ?? model.Defaults.Preset;
        if (wanted is null || model.Presets.Count == 0)
        {
            return null;
        }

        if (model.Presets.TryGetValue(wanted, out var preset))
        {
            return preset;
        }

        if (name is not null)
        {
            errors.Add("/input/preset", $"{model.Name} has no preset of this name; must be one of {string.Join(", ", model.Presets.Keys.Order(StringComparer.Ordinal))}.");
        }

        return null;
    }

    private void CheckGiven(JobSettings requested)
    {
        var limits = model.Limits;
        CheckSide("width", requested.Width, limits.Width);
        CheckSide("height", requested.Height, limits.Height);
        CheckFrames(requested.NumFrames);
        CheckRange("fps", requested.Fps, limits.Fps);
        if (limits.Steps is { } steps)
        {
            CheckRange("steps", requested.Steps, steps);
        }

        if (limits.GuidanceScale is { } guidance)
        {
            CheckRange("guidance_scale", requested.GuidanceScale, guidance);
        }

        CheckRange("motion_amount", requested.MotionAmount, new DoubleRange(0, 1));
    }

    private void CheckSide(string name, int? side, IntRange range)
    {
        var multiple = FilmSize.Multiple(model.Limits);
        if (side is not { } pixels || !CheckRange(name, side, range) || pixels % multiple == 0)
        {
            return;
        }

        int[] around = [pixels / multiple * multiple, (pixels / multiple * multiple) + multiple];
        var near = string.Join(" or ", around.Where(n => n >= range.Min && n <= range.Max));
        errors.Add($"/input/{name}", string.Create(CultureInfo.InvariantCulture, $"Is {pixels}; {model.Name} makes sides that are multiples of {multiple}: take {near}."));
    }

    private void CheckFrames(int? given)
    {
        var rule = FrameRule.Parse(model.Limits.FrameRule);
        var range = model.Limits.Frames;
        if (given is not { } frames || !CheckRange("num_frames", given, range) || rule.Allows(frames))
        {
            return;
        }

        var near = string.Join(" or ", rule.Nearest(frames, range));
        errors.Add(
            "/input/num_frames",
            string.Create(CultureInfo.InvariantCulture, $"Is {frames}; {model.Name} makes {model.Limits.FrameRule} frames: take {near}."),
            ErrorCode.FrameRule);
    }

    private bool CheckRange(string name, double? value, IntRange range) =>
        CheckRange(name, value, new DoubleRange(range.Min, range.Max));

    private bool CheckRange(string name, double? value, DoubleRange range)
    {
        if (value is not { } given || (given >= range.Min && given <= range.Max))
        {
            return true;
        }

        errors.Add($"/input/{name}", string.Create(CultureInfo.InvariantCulture, $"Is {given}; must be {range.Min} to {range.Max} for {model.Name}."));
        return false;
    }

    private void WarnUnused(JobSettings requested)
    {
        Warn("prompt", requested.Prompt is not null);
        Warn("negative_prompt", requested.NegativePrompt is not null);
        Warn("steps", requested.Steps is not null);
        Warn("guidance_scale", requested.GuidanceScale is not null);
        Warn("motion_amount", requested.MotionAmount is not null);
        if (requested.Preset is not null && model.Presets.Count == 0)
        {
            warnings.Add(Ignored("preset"));
        }
    }

    private void Warn(string name, bool given)
    {
        if (given && !Uses(name))
        {
            warnings.Add(Ignored(name));
        }
    }

    private JobWarning Ignored(string name) => new("setting_ignored", name, $"{model.Name} does not use {name}; it was left out.");

    private bool Uses(string name) => model.UsedSettings.Contains(name);

    private T? Used<T>(string name, T? value) => Uses(name) ? value : default;
}
