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

    public double? GuidanceScale { get; init; }

    /// <summary>The same seed, package and settings give the same frames on the same provider.</summary>
    public required long Seed { get; init; }

    /// <summary>How far the camera goes, 0 … 1.</summary>
    public double? MotionAmount { get; init; }
}

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
public sealed record GenerationProgress(GenerationPhase Phase, int Step, int TotalSteps);
