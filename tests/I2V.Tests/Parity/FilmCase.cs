using I2V.Inference.Imaging;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Parity;

/// <summary>A whole run of the reference's pipeline: <c>write_film</c> in <c>fixtures.py</c>.</summary>
internal sealed record FilmCase(
    int[] Size,
    int Frames,
    int Steps,
    double Guidance,
    int Fps,
    string Sampler,
    string Prompt,
    string NegativePrompt,
    double StdLevels,
    double Saturated,
    IReadOnlyDictionary<string, double> PsnrWhenChanged,
    double PsnrOtherPosteriorNoise)
{
    private const string Prefix = "film ";

    public static IReadOnlyDictionary<string, FilmCase> All { get; } = Fixtures.Record.EnumerateObject()
        .Where(entry => entry.Name.StartsWith(Prefix, StringComparison.Ordinal))
        .ToDictionary(entry => entry.Name[Prefix.Length..], entry => Fixtures.Read<FilmCase>(entry.Value));

    /// <summary>What is changed → PSNR of the film that comes of it, by the reference's word.</summary>
    public IReadOnlyDictionary<string, double> Changes => new Dictionary<string, double>(PsnrWhenChanged) { ["posterior_noise"] = PsnrOtherPosteriorNoise };

    public GenerationRequest Request(string name)
    {
        var stored = Fixtures.Tensors($"films/{name}");
        return new GenerationRequest
        {
            Image = ReferencePictures.Soft(200, 120),
            Prompt = Prompt,
            NegativePrompt = NegativePrompt,
            Width = Size[0],
            Height = Size[1],
            NumFrames = Frames,
            Fps = Fps,
            Steps = Steps,
            GuidanceScale = Guidance,
            Sampler = Sampler == "dpmsolver" ? "dpm++2m" : Sampler,
            ImageFit = ImageFit.Exact,
            Seed = 0,
            Noise = new GivenNoise(stored["noise"].Floats, stored["posterior_noise"].Floats),
        };
    }

    /// <summary>The request with one thing of it changed, as <see cref="Changes"/> names it.</summary>
    public GenerationRequest Changed(string name, string what)
    {
        var (request, noise) = (Request(name), Request(name).Noise!);
        return what switch
        {
            "image" => request with { Image = ReferencePictures.Soft(200, 120, turn: 40) },
            "noise" => request with { Noise = noise with { Latents = Streams.Normal($"input:film-{name}/noise:other", noise.Latents.Length) } },
            "posterior_noise" => request with { Noise = noise with { Posterior = Streams.Normal($"input:film-{name}/posterior_noise:other", noise.Posterior.Length) } },
            "prompt" => request with { Prompt = Fixtures.Configs.GetProperty("other_prompt").GetString()! },
            "negative" => request with { NegativePrompt = Fixtures.Configs.GetProperty("other_negative_prompt").GetString()! },
            "fps" => request with { Fps = Fps / 2 },
            "steps" => request with { Steps = Steps + 1 },
            "guidance" => request with { GuidanceScale = Guidance - 1 },
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, "The reference has no such change."),
        };
    }
}
