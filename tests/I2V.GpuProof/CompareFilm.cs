using System.Text.Json;
using System.Text.Json.Nodes;
using I2V.Inference.Imaging;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Weights;
using I2V.Tests.Parity;

namespace I2V.GpuProof;

/// <summary>A whole film against the reference's in fp32: at most 1 dB further away than the reference's own fp16.</summary>
internal static class CompareFilm
{
    private const double AllowedLoss = 1;

    public static int Run(string folder, string reference, string output, Options options)
    {
        var report = new Report(output);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(reference, "fullsize.json")));
        var told = json.RootElement.GetProperty("film fp32");
        using var file = SafetensorsFile.Open(Path.Combine(reference, "film.safetensors"));
        using var pipeline = PipelineLoader.Load(ModelPackage.Open(folder), options.Device, Options.Usual);
        var frames = pipeline.Generate(Request(told, file.Read("noise"), file.Read("posterior_noise")), progress: null, CancellationToken.None)
            .SelectMany(frame => frame.Pixels).ToArray();

        var psnr = Errors.Psnr(frames, File.ReadAllBytes(Path.Combine(reference, "film-fp32.rgb")));
        var half = json.RootElement.GetProperty("film psnr").GetProperty("fp16_against_fp32").GetDouble();
        report.Add("film", new JsonObject { ["psnr_db"] = psnr, ["fp16_of_the_reference_db"] = half });
        report.Require("film: loss of PSNR against the reference's fp16, in dB,", half - psnr, AllowedLoss);
        return report.Finish();
    }

    private static GenerationRequest Request(JsonElement told, float[] noise, float[] posterior)
    {
        int Number(string name) => told.GetProperty(name).GetInt32();
        var picture = told.GetProperty("picture").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        return new GenerationRequest
        {
            Image = ReferencePictures.Soft(picture[0], picture[1]),
            Prompt = told.GetProperty("prompt").GetString()!,
            NegativePrompt = told.GetProperty("negative_prompt").GetString()!,
            Width = Number("width"),
            Height = Number("height"),
            NumFrames = Number("frames"),
            Fps = Number("fps"),
            Steps = Number("steps"),
            GuidanceScale = told.GetProperty("guidance").GetDouble(),
            ImageFit = ImageFit.Exact,
            Seed = 0,
            Noise = new GivenNoise(noise, posterior),
            Techniques = Options.Usual,
        };
    }
}
