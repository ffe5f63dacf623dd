using System.Diagnostics;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// A whole job on a card of so many GB, as the worker makes it: look at the card, plan, load, warm up, film. The rest of the
/// card is held by a neighbour, who may also come in the middle of the job.
/// </summary>
internal static class MeasureCard
{
    private const double FreeAtTheEnd = 0.3e9;

    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        var package = ModelPackage.Open(folder);
        foreach (var size in options.Sizes)
        {
            report.Stage($"card {options.CardsGb[0]} GB {size}", () => Film(package, size, options, report));
        }

        return report.Finish();
    }

    private static JsonObject Film(ModelPackage package, FilmSize size, Options options, Report report)
    {
        var nvml = Nvml.TryOpenIndex(0, out var reason) ?? throw new InvalidOperationException(reason);
        var card = (long)(options.CardsGb[0] * (1L << 30));
        var (neighbour, free) = Neighbour.Start(card);
        using var gone = neighbour;
        var memory = new ProcessMemory();
        using var watch = new PeakSampler(nvml, memory.Before);
        var request = new PlanRequest(size.Width, size.Height, size.Frames, options.Steps, Guided: true);
        Planner Look() => new(package.Manifest, memory.Snapshot(options.Provider), FitRules.Default, []);
        var outcome = Look().Plan(request);
        if (!outcome.IsPlanned)
        {
            throw new InvalidOperationException(outcome.Refusal.Message);
        }

        var plan = outcome.Plan;
        var descent = new JsonArray();
        var clock = Stopwatch.StartNew();
        using var pipeline = PipelineLoader.Load(package, options.Device, plan.Rung.Techniques);
        pipeline.WarmUp(plan.Rung.Techniques, CancellationToken.None);
        var load = clock.Elapsed.TotalSeconds;
        var film = new TimedFilm();
        var applied = new FilmSize(plan.Settings.Height, plan.Settings.Width, plan.Settings.NumFrames);
        var squeeze = new Squeeze(film, neighbour, options.SqueezeToBytes);
        squeeze.Make(pipeline, TimedFilm.Request(applied, options.Steps, plan.Rung.Techniques, "a card") with
        {
            StepDown = (phase, tried) =>
            {
                var next = Look().Next(plan.Settings, tried, phase);
                descent.Add($"{phase}: {next?.Name ?? "the end"}");
                return next?.Techniques;
            },
        });
        if (options.SqueezeToBytes is null)
        {
            report.Require($"{size} on {options.CardsGb[0]} GB: bytes of the process", watch.PeakBytes, card - FreeAtTheEnd);
        }

        return new JsonObject
        {
            ["card_bytes"] = card,
            ["free_at_start"] = free,
            ["rung"] = plan.Rung.Name,
            ["applied"] = applied.ToString(),
            ["degradations"] = new JsonArray([.. plan.Degradations.Select(d => (JsonNode)d.Message)]),
            ["predicted_bytes"] = plan.PeakBytes,
            ["process_bytes"] = watch.PeakBytes,
            ["descent"] = descent,
            ["frames"] = film.Frames,
            ["load_seconds"] = Math.Round(load, 2),
            ["film_seconds"] = Math.Round(film.Seconds, 2),
            ["longest_gap_ms"] = watch.LongestGap.TotalMilliseconds,
        };
    }
}

/// <summary>Lets the neighbour take more of the card when the third step is done.</summary>
internal sealed class Squeeze(TimedFilm film, Neighbour neighbour, long? leaveBytes) : IProgress<GenerationProgress>
{
    private const int AtStep = 3;

    private bool done = leaveBytes is null;

    public void Make(IVideoPipeline pipeline, GenerationRequest request) => film.Make(pipeline, request, this);

    public void Report(GenerationProgress value)
    {
        film.Report(value);
        if (!done && value is { Phase: GenerationPhase.Denoising, Step: AtStep })
        {
            done = true;
            DeviceMemory.Current?.Trim(); // what this process does not use at this moment is the neighbour's to take
            neighbour.Leave(leaveBytes!.Value);
        }
    }
}
