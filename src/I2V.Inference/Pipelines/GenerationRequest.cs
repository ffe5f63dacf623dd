using I2V.Inference.Imaging;
using I2V.Inference.Planning;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>What to make. Values that a model does not use are ignored by it.</summary>
public sealed record GenerationRequest
{
    public required RgbImage Image { get; init; }

    public string Prompt { get; init; } = "";

    public string NegativePrompt { get; init; } = "";

    /// <summary>Pixels, within the manifest's limits.</summary>
    public required int Width { get; init; }

    /// <summary>Pixels, within the manifest's limits.</summary>
    public required int Height { get; init; }

    public required int NumFrames { get; init; }

    public required int Fps { get; init; }

    public int? Steps { get; init; }

    /// <summary>How far beyond the prompt's own answer to go from the negative prompt's; 1 asks for the prompt alone, in half the time.</summary>
    public double? GuidanceScale { get; init; }

    /// <summary><c>ddim</c> or <c>dpm++2m</c>; null takes the model's.</summary>
    public string? Sampler { get; init; }

    /// <summary>Share of the noise that DDIM draws anew at each step, 0 … 1.</summary>
    public double Eta { get; init; }

    public ImageFit ImageFit { get; init; }

    /// <summary>Every so many denoising steps the progress carries a preview; 0 for none.</summary>
    public int PreviewEvery { get; init; }

    /// <summary>The same seed, package and settings give the same frames on the same provider.</summary>
    public required long Seed { get; init; }

    /// <summary>How far the camera goes, 0 … 1.</summary>
    public double? MotionAmount { get; init; }

    /// <summary>What to do to need less of the device's memory.</summary>
    public Techniques Techniques { get; init; } = Techniques.None;

    /// <summary>Asked when a phase ran out of the device's memory; null lets the run fail at once.</summary>
    public StepDown? StepDown { get; init; }

    /// <summary>Hears of every want of the device's memory, before <see cref="StepDown"/> is asked.</summary>
    public Action<MemoryShortage>? RanOut { get; init; }

    internal GivenNoise? Noise { get; init; }
}

/// <summary>A phase that did not get the memory that it needed.</summary>
/// <param name="Phase">Which.</param>
/// <param name="Tried">How it was tried.</param>
/// <param name="NeededBytes">See <see cref="GenerationException.NeededBytes"/>.</param>
public sealed record MemoryShortage(GenerationPhase Phase, Techniques Tried, long? NeededBytes);

/// <summary>What to try after a phase ran out of the device's memory.</summary>
/// <param name="phase">Which is repeated with the answer, from its beginning and with the same seed.</param>
/// <param name="tried">What was not enough.</param>
/// <returns>Techniques that need less, or null when there are none: then the run fails with <see cref="GenerationError.OutOfDeviceMemory"/>.</returns>
public delegate Techniques? StepDown(GenerationPhase phase, Techniques tried);

public enum GenerationPhase
{
    Unknown = 0,
    Loading = 1,
    Encoding = 2,
    Denoising = 3,
    Decoding = 4,
}

/// <param name="Phase">What the pipeline is doing.</param>
/// <param name="Step">1 … <paramref name="TotalSteps"/>; for models without denoising the frame's number.</param>
/// <param name="TotalSteps">Steps of this phase.</param>
public sealed record GenerationProgress(GenerationPhase Phase, int Step, int TotalSteps)
{
    /// <summary>A small picture of how the middle frame is coming along, when one was asked for.</summary>
    public RgbImage? Preview { get; init; }
}
