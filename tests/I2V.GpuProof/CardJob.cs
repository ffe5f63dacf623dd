using System.Diagnostics;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>One job on one card. Each of its stages is said with the time, and kept in the report as soon as it is known.</summary>
internal sealed class CardJob(ModelPackage package, SimulatedCard card, FilmSize size, Options options, Report report, CancellationToken ct)
    : IProgress<GenerationProgress>
{
    private const double FreeAtTheEnd = 0.3e9;

    /// <summary>The neighbour comes when so many steps are done.</summary>
    private const int SqueezeAtStep = 3;

    private readonly string key = MeasureCard.Key(card.Gb, size);
    private readonly TimedFilm film = new();
    private readonly JsonArray descent = [];
    private readonly JsonObject known = [];
    private bool squeezed = options.SqueezeToBytes is null;

    private ProcessMemory Memory => card.Memory;

    public JsonNode Run()
    {
        var plan = Plan();
        using var pipeline = Load(plan);
        var applied = new FilmSize(plan.Settings.Height, plan.Settings.Width, plan.Settings.NumFrames);
        try
        {
            film.Make(pipeline, TimedFilm.Request(applied, options.Steps, plan.Rung.Techniques, number: 1) with { StepDown = (phase, tried) => StepDown(plan, phase, tried) }, this, ct);
        }
        finally
        {
            known["process_bytes"] = card.Watch.PeakBytes;
            known["frames"] = film.Frames;
            known["film_seconds"] = Math.Round(film.Seconds, 2);
            known["ms_per_step"] = descent.Count == 0 ? Math.Round(film.SecondsPerStep * 1000, 1) : null; // else steps of two rungs, and what was between
            known["longest_gap_ms"] = card.Watch.LongestGap.TotalMilliseconds;
            report.Keep(key, known);
        }

        Check(card.Watch.PeakBytes);
        return known;
    }

    /// <summary>Hears of every step, and lets the neighbour take more of the card after some.</summary>
    public void Report(GenerationProgress value)
    {
        film.Report(value);
        report.Say($"{value.Phase} {value.Step} of {value.TotalSteps}, {SimulatedCard.Text(Memory.FreeBytes)} free, {SimulatedCard.Text(Memory.Bytes)} held");
        if (!squeezed && value is { Phase: GenerationPhase.Denoising, Step: SqueezeAtStep })
        {
            squeezed = true;
            DeviceMemory.Current?.Trim(); // what this process does not use at this moment is the neighbour's to take
            card.Squeeze(options.SqueezeToBytes!.Value);
            known["free_after_squeeze"] = Memory.FreeBytes;
            report.Keep(key, known);
        }
    }

    private Planner Look() => new(package.Manifest, Memory.Snapshot(), FitRules.Default, []);

    private Plan Plan()
    {
        var outcome = Look().Plan(new PlanRequest(size.Width, size.Height, size.Frames, options.Steps, Guided: true));
        if (!outcome.IsPlanned)
        {
            throw new InvalidOperationException(outcome.Refusal.Message);
        }

        var plan = outcome.Plan;
        known["card_gb"] = card.Gb;
        known["size"] = size.ToString();
        known["rung"] = plan.Rung.Name;
        known["applied"] = new FilmSize(plan.Settings.Height, plan.Settings.Width, plan.Settings.NumFrames).ToString();
        known["degradations"] = new JsonArray([.. plan.Degradations.Select(d => (JsonNode)d.Message)]);
        known["predicted_bytes"] = plan.PeakBytes;
        known["allowed_bytes"] = (long)(card.Bytes - FreeAtTheEnd);
        report.Say($"planned {plan.Rung.Name}, {known["applied"]}, predicted {SimulatedCard.Text(plan.PeakBytes)} of {SimulatedCard.Text(plan.BudgetBytes)}");
        report.Keep(key, known);
        return plan;
    }

    private IVideoPipeline Load(Plan plan)
    {
        var clock = Stopwatch.StartNew();
        var pipeline = PipelineLoader.Load(package, options.Device, plan.Rung.Techniques);
        try
        {
            report.Say($"loaded, {SimulatedCard.Text(Memory.Bytes)} held");
            pipeline.WarmUp(plan.Rung.Techniques, ct);
            report.Say($"warmed up, {SimulatedCard.Text(Memory.Bytes)} held");
            known["load_seconds"] = Math.Round(clock.Elapsed.TotalSeconds, 2);
            return pipeline;
        }
        catch
        {
            pipeline.Dispose();
            throw;
        }
    }

    private Techniques? StepDown(Plan plan, GenerationPhase phase, Techniques tried)
    {
        var look = Look();
        var next = look.Next(plan.Settings, tried, phase);
        var needs = next is null ? null : $", which needs {SimulatedCard.Text(look.Predict(plan.Settings, next).Of(phase))} of {SimulatedCard.Text(look.Budget.DeviceBytes)}";
        report.Say($"memory ran out while {phase}: {next?.Name ?? "the end of the ladder"}{needs}");
        descent.Add($"{phase}: {next?.Name ?? "the end"}");
        known["descent"] = descent.DeepClone();
        report.Keep(key, known);
        return next?.Techniques;
    }

    private void Check(long peakBytes)
    {
        if (options.SqueezeToBytes is null)
        {
            report.Require($"{key}: bytes of the process", peakBytes, card.Bytes - FreeAtTheEnd);
        }
        else if (descent.Count == 0)
        {
            report.Fail($"{key}: nothing ran out of memory, although the neighbour came; it must leave fewer bytes");
        }
    }
}
