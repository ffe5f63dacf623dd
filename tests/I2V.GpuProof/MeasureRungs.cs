using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// Rungs of the ladder at a size: what the planner predicts, what the whole process takes by the driver's count, how long a
/// film takes. What libraries keep of an earlier rung counts against the next one in the same process: see <see cref="EachAlone"/>.
/// </summary>
internal static class MeasureRungs
{
    /// <summary>Seconds are told of a clip of so many steps.</summary>
    private const int ClipSteps = 50;

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
        using var deadline = new Deadline(report, TimeSpan.FromSeconds(options.LimitSeconds));
        var memory = new ProcessMemory(options.Provider);
        var package = ModelPackage.Open(folder);
        foreach (var (size, rung) in Chosen(package.Manifest, options))
        {
            report.Stage(Key(size, rung), () => Measure(package, size, rung, options, memory, report, deadline.Token));
            Check(report, size, rung);
        }

        return report.Finish();
    }

    /// <summary>Of each size the rungs that were asked for, the least frugal first.</summary>
    public static IEnumerable<(FilmSize Size, Rung Rung)> Chosen(ModelManifest manifest, Options options) =>
        from size in options.Sizes
        from rung in Ladder.Of(manifest, RequestOf(size), options.Provider)
        where options.Rungs.Count == 0 || options.Rungs.Contains(rung.Name)
        select (size, rung);

    /// <summary>Of the report's entry.</summary>
    public static string Key(FilmSize size, Rung rung) => $"{size} {rung.Name}";

    private static PlanRequest RequestOf(FilmSize size) => new(size.Width, size.Height, size.Frames, ClipSteps, Guided: true);

    private static JsonObject Measure(
        ModelPackage package, FilmSize size, Rung rung, Options options, ProcessMemory memory, Report report, CancellationToken ct)
    {
        ProcessMemory.Forget();
        using var watch = new PeakSampler(memory);
        var predicted = new Planner(package.Manifest, memory.Snapshot(), FitRules.Default, []).Predict(RequestOf(size), rung);
        report.Say($"{Key(size, rung)}, predicted {predicted.Max / 1e9:F2} GB");
        using var pipeline = PipelineLoader.Load(package, options.Device, rung.Techniques);
        report.Say("loaded");
        pipeline.WarmUp(rung.Techniques, ct);
        report.Say("warmed up");
        new TimedFilm().Make(pipeline, TimedFilm.Request(size, options.Steps, rung.Techniques, number: 1), progress: null, ct);
        report.Say("first film"); // builds kernels' plans for the size: its seconds are not those of a clip

        // The second encodes beside all that the first one left, and takes a few seconds.
        var film = new TimedFilm();
        film.Make(pipeline, TimedFilm.Request(size, options.Steps, rung.Techniques, number: 2), progress: null, ct);
        var result = new JsonObject
        {
            ["size"] = size.ToString(),
            ["rung"] = rung.Name,
            ["predicted_bytes"] = predicted.Max,
            ["process_bytes"] = watch.PeakBytes,
            ["predicted_over_measured"] = Math.Round((double)predicted.Max / watch.PeakBytes, 4),
            ["ms_per_step"] = Math.Round(film.SecondsPerStep * 1000, 1),
            ["encode_seconds"] = Math.Round(film.EncodeSeconds, 3),
            ["decode_seconds"] = Math.Round(film.DecodeSeconds, 3),
            ["clip_seconds"] = Math.Round(film.ClipSeconds(options.Steps, ClipSteps), 2),
            ["longest_gap_ms"] = watch.LongestGap.TotalMilliseconds,
        };
        AddPhases(result, predicted, memory);
        return result;
    }

    /// <summary>What our allocator knows, where it is used.</summary>
    private static void AddPhases(JsonObject result, PhasePeaks predicted, ProcessMemory memory)
    {
        if (DeviceMemory.Current is not { } own)
        {
            return;
        }

        result["overhead_bytes"] = memory.Bytes - own.Use.CommittedBytes;
        result["committed_peak_bytes"] = own.PhasePeaks.Values.Max(peak => peak.CommittedBytes);
        result["phases"] = new JsonObject(own.PhasePeaks.Select(peak => KeyValuePair.Create(peak.Key.ToString(), (JsonNode?)new JsonObject
        {
            ["live"] = peak.Value.LiveBytes,
            ["committed"] = peak.Value.CommittedBytes,
            ["predicted"] = predicted.Of(peak.Key),
        })));
    }

    private static void Check(Report report, FilmSize size, Rung rung)
    {
        var key = Key(size, rung);
        if (report.Find(key) is not { } measured)
        {
            return;
        }

        var over = measured["predicted_over_measured"]!.GetValue<double>();
        report.Require($"{key}: predicted over measured", over, 1.10);
        report.Require($"{key}: measured over predicted", 1 / over, 1.0);
        if (size.ToString() == "512x512x16" && Limits.TryGetValue(rung.Name, out var limit))
        {
            report.Require($"{key}: bytes of the process", measured["process_bytes"]!.GetValue<long>(), limit);
        }
    }
}
