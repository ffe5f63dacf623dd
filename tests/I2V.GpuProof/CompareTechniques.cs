using System.Text.Json.Nodes;
using I2V.Inference.Models;

namespace I2V.GpuProof;

/// <summary>
/// Techniques that need less memory against the plain run, on one device, in one process and with the same inputs. Beside
/// each stands the plain run against itself: sums in no fixed order make a floor that no technique is below.
/// </summary>
internal static class CompareTechniques
{
    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        var package = ModelPackage.Open(folder);
        var limits = new TechniqueLimits(package.Manifest, options.Reference);
        foreach (var size in options.Sizes)
        {
            report.Stage($"denoiser {size}", new DenoiserTechniques(package, options, size, report, limits).Run);
            new DecoderTechniques(package, options, report, limits).Run(size);
        }

        new DecoderTechniques(package, options, report, limits).Tile();
        new EncoderTechniques(package, options, report, limits).Run(options.Sizes[0]);
        report.Stage("films", () => new FilmTechniques(package, options, report).Run(options.Sizes[0]));
        return report.Finish();
    }
}

/// <summary>How far what a technique makes is from what the plain run makes.</summary>
internal static class Deviation
{
    /// <summary>Notes the figure, and a failure when it is above the limit.</summary>
    public static JsonObject Of(Report report, string title, float[] made, float[] plain, double limit)
    {
        var error = Errors.Relative(made, plain);
        report.Require($"{title}: relative error", error, limit);
        return new JsonObject { ["relative_error"] = error, ["limit"] = limit, ["bit_equal"] = made.AsSpan().SequenceEqual(plain) };
    }

    /// <summary>The plain run again, which has no limit.</summary>
    public static JsonObject OfRepeat(float[] made, float[] plain) =>
        new() { ["relative_error"] = Errors.Relative(made, plain), ["bit_equal"] = made.AsSpan().SequenceEqual(plain) };
}
