using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// Every rung of the ladder at a size: what the planner predicts, what the whole process takes by the driver's count, how
/// long a film takes. The deepest rung first, so that what libraries keep of an earlier one is not counted against it.
/// </summary>
internal static class MeasureRungs
{
    /// <summary>A film that is read for its seconds has at least so many steps after the first.</summary>
    private const int FilmSteps = 50;

    /// <summary>Most bytes that a rung may take at 512×512×16.</summary>
    private static readonly Dictionary<string, double> Limits = new()
    {
        [Rung.Sliced] = 7.3e9,
        [Rung.EncodersReleased] = 5.3e9,
        [Rung.SerialGuidance] = 4.8e9,
        [Rung.Streamed] = 2.6e9,
    };

    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        var memory = new ProcessMemory();
        using var watch = new PeakSampler(memory.Nvml, memory.Before);
        var package = ModelPackage.Open(folder);
        foreach (var size in options.Sizes)
        {
            var settings = new PlanRequest(size.Width, size.Height, size.Frames, FilmSteps, Guided: true);
            foreach (var rung in Ladder.Of(package.Manifest, settings, options.Provider).Reverse().Where(rung => options.Rungs.Count == 0 || options.Rungs.Contains(rung.Name)))
            {
                report.Stage($"{size} {rung.Name}", () => Measure(package, settings, size, rung, options, memory, watch));
                Check(report, size, rung);
            }
        }

        return report.Finish();
    }

    private static JsonObject Measure(
        ModelPackage package, PlanRequest settings, FilmSize size, Rung rung, Options options, ProcessMemory memory, PeakSampler watch)
    {
        ProcessMemory.Forget();
        watch.Reset();
        var snapshot = memory.Snapshot(options.Provider);
        var predicted = new Planner(package.Manifest, snapshot, FitRules.Default, []).Predict(settings, rung);
        using var pipeline = PipelineLoader.Load(package, options.Device, rung.Techniques);
        pipeline.WarmUp(rung.Techniques, CancellationToken.None);
        var film = new TimedFilm();
        film.Make(pipeline, TimedFilm.Request(size, options.Steps, rung.Techniques, "first"));
        film = new TimedFilm();
        film.Make(pipeline, TimedFilm.Request(size, options.Steps, rung.Techniques, "second"));
        var own = DeviceMemory.Current!;
        return new JsonObject
        {
            ["predicted_bytes"] = predicted.Max,
            ["process_bytes"] = watch.PeakBytes,
            ["predicted_over_measured"] = Math.Round((double)predicted.Max / watch.PeakBytes, 4),
            ["overhead_bytes"] = memory.Bytes - own.Use.CommittedBytes,
            ["committed_peak_bytes"] = own.PhasePeaks.Values.Max(peak => peak.CommittedBytes),
            ["phases"] = new JsonObject(own.PhasePeaks.Select(peak => KeyValuePair.Create(peak.Key.ToString(), (JsonNode?)new JsonObject
            {
                ["live"] = peak.Value.LiveBytes,
                ["committed"] = peak.Value.CommittedBytes,
                ["predicted"] = predicted.Of(peak.Key),
            }))),
            ["ms_per_step"] = Math.Round(film.SecondsPerStep * 1000, 1),
            ["encode_seconds"] = Math.Round(film.EncodeSeconds, 3),
            ["decode_seconds"] = Math.Round(film.DecodeSeconds, 3),
            ["clip_seconds"] = Math.Round(film.EncodeSeconds + (FilmSteps * film.SecondsPerStep) + film.DecodeSeconds, 2),
            ["longest_gap_ms"] = watch.LongestGap.TotalMilliseconds,
        };
    }

    private static void Check(Report report, FilmSize size, Rung rung)
    {
        if (report.Find($"{size} {rung.Name}") is not { } measured)
        {
            return;
        }

        var over = measured["predicted_over_measured"]!.GetValue<double>();
        report.Require($"{size} {rung.Name}: predicted over measured", over, 1.10);
        report.Require($"{size} {rung.Name}: measured over predicted", 1 / over, 1.0);
        if (size.ToString() == "512x512x16" && Limits.TryGetValue(rung.Name, out var limit))
        {
            report.Require($"{size} {rung.Name}: bytes of the process", measured["process_bytes"]!.GetValue<long>(), limit);
        }
    }
}
