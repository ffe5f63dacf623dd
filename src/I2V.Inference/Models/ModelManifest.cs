using System.Text.Json.Serialization;

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

    /// <summary>Preset → what it lays over the defaults.</summary>
    public IReadOnlyDictionary<string, ModelPreset>? Presets { get; init; }

    public LatentFacts? Latent { get; init; }

    public SchedulerConfig? Scheduler { get; init; }

    public ImageEncoderFacts? ImageEncoder { get; init; }

    public IReadOnlyList<TokenizerFacts>? Tokenizers { get; init; }

    /// <summary>
    /// The least PSNR in dB that was measured between films of one request on a GPU, whose group norms add in no fixed order;
    /// null where films are equal, or nothing was measured.
    /// </summary>
    public double? RepeatPsnrDb { get; init; }

    /// <summary>Component, <c>component.variant</c>, <c>component.units</c> or <c>component.variant.units</c> → what a run needs besides weights.</summary>
    public IReadOnlyDictionary<string, MemoryTerm>? Memory { get; init; }

    /// <summary>The largest films by free memory where nothing was measured, the smallest card first.</summary>
    public IReadOnlyList<EnvelopeLine>? Envelope { get; init; }

    /// <summary>Measured runs that came with the package; workers add their own.</summary>
    public IReadOnlyList<FitProfile>? FitProfiles { get; init; }

    /// <summary>Path below the folder → SHA-256 (lower-case hexadecimal) of every file but the manifest.</summary>
    public required IReadOnlyDictionary<string, string> Files { get; init; }
}

/// <param name="Graph">ONNX file, relative to the folder.</param>
/// <param name="Target"><c>fused</c> or <c>portable</c>.</param>
/// <param name="WeightBytes">Bytes of its weights.</param>
public sealed record ModelComponent(string Graph, string Target, long WeightBytes)
{
    /// <summary>The graph's inputs; null for graphs that are only given tensors.</summary>
    public IReadOnlyList<GraphInput>? Inputs { get; init; }

    /// <summary>Other ways to write the same network: <c>whole</c>, feed-forward layers in one over the same weights file; <c>int8</c>, with weights of its own.</summary>
    public IReadOnlyDictionary<string, ComponentVariant>? Variants { get; init; }

    /// <summary>The network cut into units that run one after the other, over the same weights file; null where it is not cut.</summary>
    public IReadOnlyList<ComponentUnit>? Units { get; init; }

    /// <summary>
    /// The most voxels (guidance halves · latent frames · rows · columns) of a run, where kernels count a tensor's elements in 32
    /// bits and a larger one would take the device from the process; null for any number.
    /// </summary>
    public long? MaxVoxels { get; init; }
}

/// <param name="Graph">ONNX file, relative to the folder.</param>
/// <param name="WeightBytes">Bytes of its weights, which may lie in the component's own file.</param>
public sealed record ComponentVariant(string Graph, long WeightBytes)
{
    /// <summary>The variant with feed-forward layers in one: more memory for a little less time.</summary>
    public const string Whole = "whole";

    /// <summary>The variant with matrices in 8 bits: less memory for a film that is not quite the same.</summary>
    public const string EightBit = "int8";

    public IReadOnlyList<GraphInput>? Inputs { get; init; }

    public IReadOnlyList<ComponentUnit>? Units { get; init; }

    /// <inheritdoc cref="ModelComponent.MaxVoxels"/>
    public long? MaxVoxels { get; init; }
}

/// <summary>A part of a network: a resnet, a convolution in time, a transformer, or what lies between them.</summary>
/// <param name="Name">Such as <c>down_blocks.0.resnets.0</c>.</param>
/// <param name="Graph">ONNX file, relative to the folder.</param>
/// <param name="WeightBytes">Bytes of its weights.</param>
public sealed record ComponentUnit(string Name, string Graph, long WeightBytes)
{
    /// <summary>Tensors come from the network's inputs or from earlier units, by name.</summary>
    public required IReadOnlyList<GraphInput> Inputs { get; init; }

    /// <summary>Tensors that later units or the caller use.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }
}

/// <summary>Bytes that a run needs besides weights: fixed + per voxel · b·f·h·w, in the latent sizes of that run.</summary>
public sealed record MemoryTerm(long FixedBytes, double BytesPerVoxel);

/// <param name="BelowFreeBytes">The line holds under so many free bytes; null for the last one.</param>
/// <param name="MaxPixels">Width · height at most.</param>
/// <param name="MaxFrames">Frames at most.</param>
public sealed record EnvelopeLine(long? BelowFreeBytes, int MaxPixels, int MaxFrames)
{
    // A manifest leaves out what is null, so that the serializer must not require it.
    [JsonConstructor]
    private EnvelopeLine(int maxPixels, int maxFrames, long? belowFreeBytes = null)
        : this(belowFreeBytes, maxPixels, maxFrames)
    {
    }
}

/// <summary>A run that was measured.</summary>
public sealed record FitProfile
{
    /// <summary>As the driver names it; a profile is used for time on cards of the same name, for memory on all.</summary>
    public required string Device { get; init; }

    public required string Rung { get; init; }

    public required int Width { get; init; }

    public required int Height { get; init; }

    public required int NumFrames { get; init; }

    public required bool Guided { get; init; }

    /// <summary>Phase (<c>encoding</c>, <c>denoising</c>, <c>decoding</c>) → bytes of tensors at most, weights included, context not.</summary>
    public required IReadOnlyDictionary<string, long> PhasePeakBytes { get; init; }

    public double? EncodeSeconds { get; init; }

    public double? SecondsPerStep { get; init; }

    public double? DecodeSeconds { get; init; }
}

/// <summary>An input of a graph.</summary>
/// <param name="Name">In the graph.</param>
/// <param name="Kind">
/// <c>tensor</c>: the pipeline gives it. <c>shape</c>, <c>split</c>: whole numbers on the processor, the values of
/// <paramref name="Formula"/>. <c>pool_matrix</c>: fp32 [32, size] that averages as adaptive pooling from the size to 32 does.
/// </param>
/// <param name="Formula">A <see cref="SizeFormula"/>; null for tensors.</param>
public sealed record GraphInput(string Name, string Kind, string? Formula = null);

/// <summary>What a latent is to the picture.</summary>
/// <param name="Channels">Of a latent pixel.</param>
/// <param name="Spatial">Pixels of the picture along a side for one of the latent.</param>
/// <param name="Temporal">Frames for one of the latent.</param>
/// <param name="Scaling">The autoencoder's latents are multiplied by this before denoising.</param>
public sealed record LatentFacts(int Channels, int Spatial, int Temporal, double Scaling);

/// <summary>The checkpoint's noise schedule, by the names of its own configuration.</summary>
public sealed record SchedulerConfig
{
    public required int NumTrainTimesteps { get; init; }

    /// <summary><c>linear</c>, <c>scaled_linear</c> or <c>squaredcos_cap_v2</c>.</summary>
    public required string BetaSchedule { get; init; }

    public required double BetaStart { get; init; }

    public required double BetaEnd { get; init; }

    public required bool RescaleBetasZeroSnr { get; init; }

    /// <summary><c>epsilon</c>, <c>sample</c> or <c>v_prediction</c>.</summary>
    public required string PredictionType { get; init; }

    /// <summary><c>leading</c>, <c>trailing</c> or <c>linspace</c>.</summary>
    public required string TimestepSpacing { get; init; }

    public required int StepsOffset { get; init; }

    public required bool SetAlphaToOne { get; init; }

    public required bool ClipSample { get; init; }

    public required double ClipSampleRange { get; init; }

    public required bool Thresholding { get; init; }
}

/// <summary>How a picture is prepared for the image encoder.</summary>
/// <param name="Size">Pixels of both sides.</param>
/// <param name="Mean">Of red, green and blue, after division by 255.</param>
/// <param name="Std">Of red, green and blue, after division by 255.</param>
public sealed record ImageEncoderFacts(int Size, IReadOnlyList<double> Mean, IReadOnlyList<double> Std);

/// <summary>A tokenizer's files.</summary>
/// <param name="Kind"><c>clip</c>.</param>
/// <param name="Vocabulary">JSON, token → id, relative to the folder.</param>
/// <param name="Merges">Pairs, the most frequent first, relative to the folder.</param>
/// <param name="MaxLength">Tokens with the first and last marks.</param>
/// <param name="Pad">The token that fills up.</param>
public sealed record TokenizerFacts(string Kind, string Vocabulary, string Merges, int MaxLength, string Pad);

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

    /// <summary>The preset that a request without one gets.</summary>
    public string? Preset { get; init; }

    /// <summary><c>ddim</c> or <c>dpm++2m</c>.</summary>
    public string? Sampler { get; init; }
}

/// <summary>Settings of a preset.</summary>
public sealed record ModelPreset(int Steps);
