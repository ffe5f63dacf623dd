using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// Whole films on every rung of the ladder against the one with everything resident, and that one against itself. Over the
/// steps every difference grows, the plain run's own as well: what is required is required of single runs, and here only
/// where nothing is rounded to 16 bits.
/// </summary>
internal sealed class FilmTechniques(ModelPackage package, Options options, Report report)
{
    private const double LeastExactPsnr = 60;

    /// <returns>Null: every figure is in the report.</returns>
    public JsonNode? Run(FilmSize size)
    {
        var request = new PlanRequest(size.Width, size.Height, size.Frames, options.Steps, Guided: true);
        var rungs = Ladder.Of(package.Manifest, request, "cuda"); // streamed too, wherever this runs
        using var pipeline = PipelineLoader.Load(package, options.Device, Techniques.None);
        var plain = Film(pipeline, size, Techniques.None);
        report.Stage($"film {size} again", () => Compare(size, Film(pipeline, size, Techniques.None), plain, Techniques.None));
        foreach (var rung in rungs.Skip(1).Where(rung => options.Rungs.Count == 0 || options.Rungs.Contains(rung.Name)))
        {
            var title = $"film {size} {rung.Name}";
            report.Stage(title, () => Compare(size, Film(pipeline, size, rung.Techniques), plain, rung.Techniques));
            if (rung.Exact && package.Manifest.Precision == "fp32" && report.Find(title)?["psnr_db"]?.GetValue<double>() is { } psnr)
            {
                report.Require($"{title}: loss of PSNR below {LeastExactPsnr} dB", LeastExactPsnr - psnr, 0);
            }
        }

        if (rungs[^1].Techniques is { WindowFrames: > 0 and var window })
        {
            var alone = new Techniques { WindowFrames = window };
            report.Stage($"film {size} windows alone", () => Compare(size, Film(pipeline, size, alone), plain, alone));
        }

        return null;
    }

    private byte[] Film(IVideoPipeline pipeline, FilmSize size, Techniques techniques) =>
        [.. pipeline.Generate(TimedFilm.Request(size, options.Steps, techniques, number: 1), progress: null, CancellationToken.None).SelectMany(frame => frame.Pixels)];

    /// <param name="size">Of the film.</param>
    /// <param name="film">Frame after frame.</param>
    /// <param name="plain">Without techniques.</param>
    /// <param name="techniques">With windows, the largest step at a seam is told, and the plain film's at the same frame.</param>
    private static JsonObject Compare(FilmSize size, byte[] film, byte[] plain, Techniques techniques)
    {
        var psnr = Errors.Psnr(film, plain);
        var result = new JsonObject { ["psnr_db"] = Errors.Finite(psnr), ["equal"] = !double.IsFinite(psnr) };
        if (techniques.WindowFrames > 0)
        {
            var seams = new TemporalWindows(size.Frames, techniques.WindowFrames).Firsts.Skip(1).ToList();
            result["jump_at_seams_levels"] = seams.Max(frame => Jump(film, size, frame));
            result["plain_jump_levels"] = seams.Max(frame => Jump(plain, size, frame));
        }

        return result;
    }

    /// <summary>Root mean square of the change from the frame before, in levels of 255.</summary>
    private static double Jump(byte[] film, FilmSize size, int frame)
    {
        var length = film.Length / size.Frames;
        double sum = 0;
        for (var i = 0; i < length; i++)
        {
            double d = film[(frame * length) + i] - film[((frame - 1) * length) + i];
            sum += d * d;
        }

        return Math.Sqrt(sum / length);
    }
}
