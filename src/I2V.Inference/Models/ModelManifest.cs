namespace I2V.Inference.Models;

/// <summary>The content of a package's <c>manifest.json</c>; its JSON schema lies beside the builder.</summary>
public sealed record ModelManifest
{
    public required string Name { get; init; }

    /// <summary><c>motion</c>, <c>i2vgen-xl</c>, <c>easyanimate-v5</c> or <c>easyanimate-v5.1</c>.</summary>
    public required string Family { get; init; }

    public required string Version { get; init; }

    public string? License { get; init; }

    public string? Description { get; init; }

    /// <summary><c>fp32</c>, <c>fp16</c> or <c>bf16</c>.</summary>
    public required string Precision { get; init; }

    public required IReadOnlyDictionary<string, ModelComponent> Components { get; init; }

    public required FrameLimits Frames { get; init; }

    public required SizeLimits Sizes { get; init; }

    public required Range<int> Fps { get; init; }

    /// <summary>Null when the model takes no denoising steps.</summary>
    public Range<int>? Steps { get; init; }

    public Range<double>? GuidanceScale { get; init; }

    /// <summary>Names of request settings (snake_case) that the model reads.</summary>
    public required IReadOnlyList<string> UsedSettings { get; init; }

    public required ModelDefaults Defaults { get; init; }

    /// <summary>Path below the folder → SHA-256 (lower-case hexadecimal) of every file but the manifest.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }
}

/// <param name="Graph">ONNX file, relative to the folder.</param>
/// <param name="Target"><c>fused</c> or <c>portable</c>.</param>
/// <param name="WeightBytes">Bytes of its weights.</param>
public sealed record ModelComponent(string Graph, string Target, long WeightBytes);

/// <param name="Rule"><c>any</c> or <c>4k+1</c>.</param>
public sealed record FrameLimits(string Rule, int Min, int Max);

/// <param name="MultipleOf">Both sides are multiples of this.</param>
/// <param name="Min">Smallest side in pixels.</param>
/// <param name="Max">Largest side in pixels.</param>
/// <param name="DefaultLongestSide">Longest side in pixels when no size is asked for.</param>
public sealed record SizeLimits(int MultipleOf, int Min, int Max, int DefaultLongestSide);

/// <summary>Both ends included.</summary>
public sealed record Range<T>(T Min, T Max)
    where T : struct;

/// <summary>Values taken for what a request leaves open; null where the model does not use them.</summary>
public sealed record ModelDefaults
{
    public required int NumFrames { get; init; }

    public required int Fps { get; init; }

    public int? Steps { get; init; }

    public double? GuidanceScale { get; init; }

    public double? MotionAmount { get; init; }

    public string? NegativePrompt { get; init; }
}
