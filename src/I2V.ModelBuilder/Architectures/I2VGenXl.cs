using I2V.Inference.Models;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>The networks of I2VGen-XL (arXiv:2311.04145), as graphs of their own.</summary>
public static class I2VGenXl
{
    /// <summary>Folders of the checkpoint that hold weights.</summary>
    public static IReadOnlyList<string> Sources { get; } = ["text_encoder", "image_encoder", "vae", "unet"];

    /// <summary>Keys that a checkpoint may have and no graph reads: buffers, and the text encoder's last layer, which is skipped.</summary>
    public static bool MayBeUnused(I2VGenXlConfigs configs, string source, string key) =>
        key.EndsWith("position_ids", StringComparison.Ordinal)
        || (source == "text_encoder" && key.Contains($"encoder.layers.{configs.TextEncoder.NumHiddenLayers - 1}.", StringComparison.Ordinal));

    /// <summary>Writes all networks as graphs: text_encoder, image_encoder, vae_encoder, vae_decoder, conditioning, unet.</summary>
    /// <param name="configs">Their sizes.</param>
    /// <param name="weights">The weights of a checkpoint folder, by its name.</param>
    /// <param name="target">Fused needs <paramref name="type"/> Float16.</param>
    /// <param name="type">Float or Float16: of the weights, and of what is computed with them.</param>
    /// <param name="eightBit">Whether the denoiser has a variant whose matrices are in 8 bits.</param>
    public static IReadOnlyList<BuiltNetwork> Networks(
        I2VGenXlConfigs configs, Func<string, IWeightSource> weights, Target target, Element type, bool eightBit = false) =>
    [
        ClipTextEncoder.Build(configs.TextEncoder, weights("text_encoder"), target, type),
        ClipVisionEncoder.Build(configs.ImageEncoder, weights("image_encoder"), target, type),
        AutoencoderKl.Encoder(configs.Vae, weights("vae"), target, type),
        AutoencoderKl.Decoder(configs.Vae, weights("vae"), target, type),
        I2VGenXlConditioning.Build(configs.Unet, configs.TextEncoder.MaxPositionEmbeddings, weights("unet"), target, type),
        Unet(configs.Unet, weights("unet"), target, type, eightBit),
    ];

    private static BuiltNetwork Unet(I2VGenXlUnetConfig config, IWeightSource weights, Target target, Element type, bool eightBit)
    {
        var variants = new Dictionary<string, NetworkVariant>();
        if (target == Target.Fused)
        {
            // Portable feed-forward layers are in one as they are.
            variants[ComponentVariant.Whole] = new(I2VGenXlUnet.Build(config, weights, target, type, chunked: false).Graph, OwnWeights: false);
        }

        if (eightBit)
        {
            variants[ComponentVariant.EightBit] = new(I2VGenXlUnet.Build(config, weights, target, type, eightBit: true).Graph, OwnWeights: true);
        }

        return I2VGenXlUnet.Build(config, weights, target, type) with { Variants = variants };
    }
}
