using System.Globalization;
using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>POST /v1/jobs/{id}/finalize</c>: draft first, final later. The film is made again with the seed and the settings that were applied,
/// but for those that the higher preset sets.
/// </summary>
internal static class FinalizeJob
{
    private const string UsualPreset = "final";

    public static async Task<Results<Ok<JobObject>, Accepted<JobObject>, ProblemResult>> HandleAsync(
        string id, HttpContext http, ClaimsPrincipal user, JobReader jobs, RepeatJob repeat, JobWait waits, CancellationToken ct)
    {
        var headers = SubmitHeaders.Read(http.Request);
        if (await jobs.FindAsync(id, user, ct) is not { } draft)
        {
            return JobReader.NotFound();
        }

        var errors = new ErrorList();
        var body = await SmallBody.ReadAsync(http, errors, isOptional: true);
        var preset = body.Text("preset", maxCharacters: 64, minCharacters: 1) ?? UsualPreset;
        body.Close();
        errors.ThrowIfAny();

        RepeatJob.Require(draft, "finalize", JobStatus.Succeeded);
        var submitted = await repeat.RepeatAsync(draft, $"finalize {preset}", headers, user.MaxPriority(), model => Make(draft, preset, model), ct);
        return await SubmitAnswer.TellAsync(http, submitted, headers, waits, ct);
    }

    /// <exception cref="RefusedException">The model has no such preset, or it is no higher than what was made.</exception>
    private static Repetition Make(JobRow draft, string name, ModelCapability model)
    {
        var errors = new ErrorList();
        JobSettings applied = draft.Applied ?? new AppliedSettings(draft.Spec.Settings);
        var preset = FindHigher(model, name, applied, errors);
        errors.ThrowIfAny();

        var requested = Over(applied, preset!) with { Preset = name };
        var resolver = new SettingsResolver(model, errors);
        var settings = resolver.Resolve(requested, () => draft.Spec.Settings.Seed!.Value);
        resolver.CheckFloors(draft.Spec.Fit, settings);
        errors.ThrowIfAny();
        return new Repetition(requested, draft.Spec with { Settings = settings, StepsGiven = false }, resolver.Warnings);
    }

    private static JobSettings? FindHigher(ModelCapability model, string name, JobSettings applied, ErrorList errors)
    {
        if (model.Presets.Count == 0)
        {
            errors.Add("/preset", $"{model.Name} has no presets: its films cannot be made any better than they are.");
            return null;
        }

        if (!model.Presets.TryGetValue(name, out var preset))
        {
            errors.Add("/preset", $"{model.Name} has no preset of this name; must be one of {string.Join(", ", model.Presets.Keys.Order(StringComparer.Ordinal))}.");
            return null;
        }

        var steps = preset.Steps ?? model.Defaults.Steps;
        if (steps is null || steps <= applied.Steps)
        {
            errors.Add("/preset", string.Create(
                CultureInfo.InvariantCulture, $"{name} takes {steps ?? 0} steps, no more than the {applied.Steps} that the job took; name a higher preset."));
        }

        return preset;
    }

    /// <summary>What was applied, without what the preset decides.</summary>
    private static JobSettings Over(JobSettings applied, JobSettings preset) => new()
    {
        Prompt = preset.Prompt is null ? applied.Prompt : null,
        NegativePrompt = preset.NegativePrompt is null ? applied.NegativePrompt : null,
        Width = preset.Width is null ? applied.Width : null,
        Height = preset.Height is null ? applied.Height : null,
        NumFrames = preset.NumFrames is null ? applied.NumFrames : null,
        Fps = preset.Fps is null ? applied.Fps : null,
        GuidanceScale = preset.GuidanceScale is null ? applied.GuidanceScale : null,
        MotionAmount = preset.MotionAmount is null ? applied.MotionAmount : null,
        Seed = applied.Seed,
    };
}
