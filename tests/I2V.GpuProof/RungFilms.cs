using System.Diagnostics;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>One rung: a pipeline, loaded and warmed up, makes films of every size, as a worker's does.</summary>
internal sealed class RungFilms(ModelPackage package, Options options, ProcessMemory memory, Report report, CancellationToken ct)
{
    /// <summary>Most bytes that a rung may take at 512×512×16.</summary>
    private static readonly Dictionary<string, double> Limits = new()
    {
        [Rung.Sliced] = 7.3e9,
        [Rung.EncodersReleased] = 5.3e9,
        [Rung.SerialGuidance] = 4.8e9,
        [Rung.Streamed] = 2.6e9,
    };

    /// <param name="chosen">Sizes, and the rung as each has it.</param>
    /// <returns>Of loading; what films took is in the report.</returns>
    public JsonObject Measure((FilmSize Size, Rung Rung)[] chosen)
    {
        ProcessMemory.Forget();
        var planner = new Planner(package.Manifest, memory.Snapshot(), FitRules.Default, []);
        var techniques = chosen[0].Rung.Techniques;
        var clock = Stopwatch.StartNew();
        var loading = new PeakSampler(memory);
        using var pipeline = Load(techniques, loading);
        var loaded = new JsonObject { ["seconds"] = Math.Round(clock.Elapsed.TotalSeconds, 2), ["process_bytes"] = loading.PeakBytes };
        foreach (var (size, rung) in chosen)
        {
            ProcessMemory.Forget();
            using var watch = new PeakSampler(memory);
            var predicted = planner.Predict(MeasureRungs.RequestOf(size), rung);
            report.Say($"{MeasureRungs.Key(size, rung)}, predicted {predicted.Max / 1e9:F2} GB");
            report.Stage(MeasureRungs.Key(size, rung), () =>
            {
                var film = Films(pipeline, size, rung);
                return Facts(size, rung, predicted, film, Math.Max(loading.PeakBytes, watch.PeakBytes), watch.LongestGap);
            });
            Check(size, rung);
        }

        return loaded;
    }

    /// <summary>Until the pipeline is warmed up, its bytes are watched.</summary>
    private IVideoPipeline Load(Techniques techniques, PeakSampler watch)
    {
        using (watch)
        {
            var pipeline = PipelineLoader.Load(package, options.Device, techniques);
            try
            {
                pipeline.WarmUp(techniques, ct);
                return pipeline;
            }
            catch
            {
                pipeline.Dispose();
                throw;
            }
        }
    }

    /// <summary>
    /// Two: the first builds kernels' plans for the size, so that its seconds are not those of a clip; the second encodes beside
    /// all that the first one left.
    /// </summary>
    private TimedFilm Films(IVideoPipeline pipeline, FilmSize size, Rung rung)
    {
        new TimedFilm().Make(pipeline, TimedFilm.Request(size, options.Steps, rung.Techniques, number: 1), progress: null, ct);
        report.Say("first film");
        var film = new TimedFilm();
        film.Make(pipeline, TimedFilm.Request(size, options.Steps, rung.Techniques, number: 2), progress: null, ct);
        return film;
    }

    private JsonObject Facts(FilmSize size, Rung rung, PhasePeaks predicted, TimedFilm film, long peak, TimeSpan longestGap)
    {
        var result = new JsonObject
        {
            ["size"] = size.ToString(),
            ["rung"] = rung.Name,
            ["predicted_bytes"] = predicted.Max,
            ["process_bytes"] = peak,
            ["predicted_over_measured"] = Math.Round((double)predicted.Max / peak, 4),
            ["ms_per_step"] = Math.Round(film.SecondsPerStep * 1000, 1),
            ["encode_seconds"] = Math.Round(film.EncodeSeconds, 3),
            ["decode_seconds"] = Math.Round(film.DecodeSeconds, 3),
            ["clip_seconds"] = Math.Round(film.ClipSeconds(options.Steps, MeasureRungs.ClipSteps), 2),
            ["longest_gap_ms"] = longestGap.TotalMilliseconds,
        };
        AddPhases(result, predicted);
        return result;
    }

    /// <summary>What our allocator knows, where it is used.</summary>
    private void AddPhases(JsonObject result, PhasePeaks predicted)
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

    private void Check(FilmSize size, Rung rung)
    {
        var key = MeasureRungs.Key(size, rung);
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
