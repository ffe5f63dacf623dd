using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Media;

namespace I2V.GpuProof;

/// <summary>How far films of the same request are from each other: run it in two processes with the same output folder to compare those too.</summary>
internal static class MeasureSpread
{
    private const int Runs = 20;

    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        var size = options.Sizes[0];
        using var pipeline = PipelineLoader.Load(ModelPackage.Open(folder), options.Device, Options.Usual);
        var request = new GenerationRequest
        {
            Image = new RgbImage(64, 64, [.. Enumerable.Range(0, 64 * 64 * 3).Select(i => (byte)(i * 7))]),
            Prompt = "the same film again",
            Width = size.Width,
            Height = size.Height,
            NumFrames = size.Frames,
            Fps = 16,
            Steps = options.Steps,
            GuidanceScale = 9,
            Seed = 1,
            Techniques = Options.Usual,
        };
        var films = Enumerable.Range(0, Runs)
            .Select(_ => pipeline.Generate(request, progress: null, CancellationToken.None).SelectMany(frame => frame.Pixels).ToArray())
            .ToList();
        var other = $"{output}.film";
        if (File.Exists(other))
        {
            films.Add(File.ReadAllBytes(other));
        }

        File.WriteAllBytes(other, films[0]);
        var psnr = films.Skip(1).Select(film => Errors.Psnr(film, films[0])).ToList();
        report.Add("spread", new JsonObject
        {
            ["runs"] = films.Count,
            ["distinct"] = films.Select(film => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(film))).Distinct().Count(),
            ["worst_psnr_db"] = Errors.Finite(psnr.Min()),
            ["best_psnr_db"] = Errors.Finite(psnr.Max()),
        });
        return report.Finish();
    }
}
