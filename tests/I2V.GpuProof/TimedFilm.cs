using System.Diagnostics;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Media;

namespace I2V.GpuProof;

/// <summary>A film through the product's pipeline, with the seconds of each phase.</summary>
internal sealed class TimedFilm : IProgress<GenerationProgress>
{
    private readonly Stopwatch clock = new();
    private readonly Dictionary<GenerationPhase, (double First, double Last, int Steps)> seen = [];

    public double Seconds { get; private set; }

    public int Frames { get; private set; }

    public double EncodeSeconds => seen.TryGetValue(GenerationPhase.Encoding, out var phase) ? phase.Last : 0;

    /// <summary>Without the first step, which prepares kernels.</summary>
    public double SecondsPerStep => seen.TryGetValue(GenerationPhase.Denoising, out var phase) && phase.Steps > 1 ? (phase.Last - phase.First) / (phase.Steps - 1) : 0;

    public double DecodeSeconds => seen.TryGetValue(GenerationPhase.Denoising, out var phase) ? Seconds - phase.Last : 0;

    /// <param name="size">Of the film.</param>
    /// <param name="steps">Of denoising.</param>
    /// <param name="techniques">To make it with.</param>
    /// <param name="number">Films of other numbers have other prompts and pictures, so that no encoder knows the answer.</param>
    public static GenerationRequest Request(FilmSize size, int steps, Techniques techniques, int number) => new()
    {
        Image = new RgbImage(64, 64, [.. Enumerable.Range(0, 64 * 64 * 3).Select(i => (byte)((i * 7) + number))]),
        Prompt = FormattableString.Invariant($"film number {number}"),
        NegativePrompt = "blurry",
        Width = size.Width,
        Height = size.Height,
        NumFrames = size.Frames,
        Fps = 16,
        Steps = steps,
        GuidanceScale = 9,
        Seed = 1,
        Techniques = techniques,
    };

    /// <summary>Of a clip of so many steps, when this one had <paramref name="made"/>.</summary>
    public double ClipSeconds(int made, int steps) => Seconds + ((steps - made) * SecondsPerStep);

    public void Make(IVideoPipeline pipeline, GenerationRequest request, IProgress<GenerationProgress>? progress = null, CancellationToken ct = default)
    {
        clock.Restart();
        Frames = pipeline.Generate(request, progress ?? this, ct).Count();
        Seconds = clock.Elapsed.TotalSeconds;
    }

    public void Report(GenerationProgress value)
    {
        var now = clock.Elapsed.TotalSeconds;
        seen[value.Phase] = seen.TryGetValue(value.Phase, out var phase) ? (phase.First, now, phase.Steps + 1) : (now, now, 1);
    }
}
