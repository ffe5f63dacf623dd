using System.Diagnostics;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Media;

namespace I2V.GpuProof;

/// <summary>
/// Time and memory of the product's own path: <c>steps</c> with only the UNet loaded, <c>decode</c> with the VAE beside it,
/// <c>clip</c> with everything. Each in a process of its own, since what the process holds is measured.
/// </summary>
internal static class MeasureSpeed
{
    public static int Run(string what, string folder, string output, Options options)
    {
        var report = new Report(output);
        var memory = new ProcessMemory(options.Provider);
        var start = Stopwatch.GetTimestamp();
        var package = ModelPackage.Open(folder);
        report.Add("verify_seconds", Stopwatch.GetElapsedTime(start).TotalSeconds);
        if (what == "clip")
        {
            report.Stage("clip", () => Clips(package, options, memory));
            return report.Finish();
        }

        start = Stopwatch.GetTimestamp();
        using var unet = Network.Load(package, "unet", options.Device);
        report.Add("load_unet_seconds", Stopwatch.GetElapsedTime(start).TotalSeconds);
        report.Add("loaded_unet", memory.Read());
        using var decoder = what == "decode" ? Network.Load(package, "vae_decoder", options.Device) : null;
        foreach (var size in options.Sizes)
        {
            report.Stage($"step {size}", () => Step(package, unet, size, memory));
            if (decoder is not null)
            {
                report.Stage($"decode {size}", () => Decode(package, decoder, size, memory));
            }
        }

        return report.Finish();
    }

    private static JsonObject Step(ModelPackage package, Network unet, FilmSize size, ProcessMemory memory)
    {
        ProcessMemory.Forget();
        using var steps = new UnetSteps(unet, package.Manifest, size);
        var result = steps.Measure();
        result["memory"] = memory.Read();
        return result;
    }

    private static JsonObject Decode(ModelPackage package, Network decoder, FilmSize size, ProcessMemory memory)
    {
        ProcessMemory.Forget();
        var shape = new FilmShape(1, 4, size.Frames, size.Height / 8, size.Width / 8);
        var latents = new float[shape.Length];
        new I2V.ModelBuilder.Weights.RandomWeights("latents", 4).Read("decode", [latents.Length], latents);
        var decode = new I2VGenXlDecoder(package.Manifest.Latent!, new Tiling());
        var times = new List<double>();
        for (var i = 0; i < 4; i++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var made = 0; made < shape.Frames;)
            {
                made += decode.Decode(decoder, latents, shape, made, Techniques.None, CancellationToken.None).Count;
            }

            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return new JsonObject { ["first_seconds"] = times[0], ["seconds"] = times.Skip(1).Min(), ["memory"] = memory.Read() };
    }

    private static JsonObject Clips(ModelPackage package, Options options, ProcessMemory memory)
    {
        ProcessMemory.Forget();
        var size = options.Sizes[0];
        var result = new JsonObject();
        var start = Stopwatch.GetTimestamp();
        using var pipeline = PipelineLoader.Load(package, options.Device, Options.Usual);
        result["load_seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        result["loaded"] = memory.Read();
        foreach (var name in (string[])["cold", "warm"])
        {
            start = Stopwatch.GetTimestamp();
            var request = new GenerationRequest
            {
                Image = new RgbImage(64, 64, new byte[64 * 64 * 3]),
                Prompt = $"a {name} clip",
                Width = size.Width,
                Height = size.Height,
                NumFrames = size.Frames,
                Fps = 16,
                Steps = options.Steps,
                GuidanceScale = 9,
                Seed = 1,
                Techniques = Options.Usual,
            };
            var frames = pipeline.Generate(request, progress: null, CancellationToken.None).Count();
            result[$"{name}_seconds"] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            result["frames"] = frames;
        }

        result["phase_peaks"] = new JsonObject((DeviceMemory.Current?.PhasePeaks ?? new Dictionary<GenerationPhase, DeviceMemoryPeak>())
            .Select(phase => KeyValuePair.Create(phase.Key.ToString(), (JsonNode?)phase.Value.LiveBytes)));
        result["memory"] = memory.Read();
        return result;
    }
}
