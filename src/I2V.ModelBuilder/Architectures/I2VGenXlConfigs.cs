namespace I2V.ModelBuilder.Architectures;

/// <summary>What the checkpoint's <c>config.json</c> files say about each network of I2VGen-XL, by their own names.</summary>
public sealed record I2VGenXlConfigs
{
    public required ClipTextConfig TextEncoder { get; init; }

    public required ClipVisionConfig ImageEncoder { get; init; }

    public required AutoencoderKlConfig Vae { get; init; }

    public required I2VGenXlUnetConfig Unet { get; init; }

    /// <summary>The published model's sizes.</summary>
    public static I2VGenXlConfigs Full { get; } = new()
    {
        TextEncoder = new() { HiddenSize = 1024, NumHiddenLayers = 24, NumAttentionHeads = 16, IntermediateSize = 4096 },
        ImageEncoder = new()
        {
            HiddenSize = 1280,
            NumHiddenLayers = 32,
            NumAttentionHeads = 16,
            IntermediateSize = 5120,
            PatchSize = 14,
            ProjectionDim = 1024,
        },
        Vae = new() { BlockOutChannels = [128, 256, 512, 512], LayersPerBlock = 2, NormNumGroups = 32 },
        Unet = new() { BlockOutChannels = [320, 640, 1280, 1280], LayersPerBlock = 2, CrossAttentionDim = 1024, AttentionHeadDim = 64, NormNumGroups = 32 },
    };

    /// <summary>The widths that the fused operators know, with one layer in each block: to try a GPU quickly.</summary>
    public static I2VGenXlConfigs Small { get; } = Full with
    {
        TextEncoder = Full.TextEncoder with { NumHiddenLayers = 3 },
        ImageEncoder = Full.ImageEncoder with { NumHiddenLayers = 2 },
        Unet = Full.Unet with { LayersPerBlock = 1 },
    };

    /// <summary>As narrow as the architecture allows: to compare with the reference implementation on any processor.</summary>
    public static I2VGenXlConfigs Tiny { get; } = new()
    {
        TextEncoder = new() { HiddenSize = 64, NumHiddenLayers = 3, NumAttentionHeads = 4, IntermediateSize = 256 },
        ImageEncoder = new() { HiddenSize = 64, NumHiddenLayers = 2, NumAttentionHeads = 4, IntermediateSize = 256, PatchSize = 32, ProjectionDim = 64 },
        Vae = new() { BlockOutChannels = [32, 32, 64, 64], LayersPerBlock = 1, NormNumGroups = 8 },
        Unet = new() { BlockOutChannels = [32, 64, 64, 64], LayersPerBlock = 1, CrossAttentionDim = 64, AttentionHeadDim = 16, NormNumGroups = 8 },
    };
}

/// <summary><c>text_encoder/config.json</c> (CLIPTextModel).</summary>
public sealed record ClipTextConfig
{
    public required int HiddenSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int IntermediateSize { get; init; }

    public int MaxPositionEmbeddings { get; init; } = 77;

    public int VocabSize { get; init; } = 49408;

    /// <summary><c>gelu</c> or <c>quick_gelu</c>.</summary>
    public string HiddenAct { get; init; } = "gelu";

    public double LayerNormEps { get; init; } = 1e-5;
}

/// <summary><c>image_encoder/config.json</c> (CLIPVisionModelWithProjection).</summary>
public sealed record ClipVisionConfig
{
    public required int HiddenSize { get; init; }

    public required int NumHiddenLayers { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int IntermediateSize { get; init; }

    public required int PatchSize { get; init; }

    public required int ProjectionDim { get; init; }

    /// <summary>Pixels of both sides.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary><c>gelu</c> or <c>quick_gelu</c>.</summary>
    public string HiddenAct { get; init; } = "gelu";

    public double LayerNormEps { get; init; } = 1e-5;
}

/// <summary><c>vae/config.json</c> (AutoencoderKL).</summary>
public sealed record AutoencoderKlConfig
{
    public required IReadOnlyList<int> BlockOutChannels { get; init; }

    public required int LayersPerBlock { get; init; }

    public required int NormNumGroups { get; init; }

    public int InChannels { get; init; } = 3;

    public int OutChannels { get; init; } = 3;

    public int LatentChannels { get; init; } = 4;

    public double ScalingFactor { get; init; } = 0.18125;
}

/// <summary><c>unet/config.json</c> (I2VGenXLUNet).</summary>
public sealed record I2VGenXlUnetConfig
{
    public required IReadOnlyList<int> BlockOutChannels { get; init; }

    public required int LayersPerBlock { get; init; }

    public required int CrossAttentionDim { get; init; }

    /// <summary>Channels of a head. The checkpoint's <c>num_attention_heads</c> is the same number under a wrong name; it is not used.</summary>
    public required int AttentionHeadDim { get; init; }

    public required int NormNumGroups { get; init; }

    public int InChannels { get; init; } = 4;

    public int OutChannels { get; init; } = 4;
}
