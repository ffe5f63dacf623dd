using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>What the UNet of I2VGen-XL computes from its inputs without looking at the step: once for a film, not fifty times.</summary>
internal static class I2VGenXlConditioning
{
    /// <summary>Sides of the pooled first frame; two convolutions of stride 2 make 8×8 tokens of it.</summary>
    private const int Pooled = 32;

    /// <summary>
    /// encoder_hidden_states [b, 77, ctx], image_embeddings [b, ctx], image_latents [b, 4, f, h, w], fps [b], all fp32 →
    /// context [b, 77 + 64 + 4, ctx], image_features [b, 4, f, h, w], fps_embedding [b, 4·width], in the network's type.
    /// </summary>
    public static BuiltNetwork Build(I2VGenXlUnetConfig config, int textTokens, IWeightSource weights, Target target, Element type)
    {
        var g = new Graph("conditioning");
        var unet = new Module(g, weights, target, type);
        var (latent, size) = (config.InChannels, config.CrossAttentionDim);
        var (width, inner) = (config.BlockOutChannels[0], 4 * config.BlockOutChannels[0]);
        var text = g.Input("encoder_hidden_states", Element.Float, Dim.Any, textTokens, size).Cast(Element.Float, type);
        var embedding = g.Input("image_embeddings", Element.Float, Dim.Any, size).Cast(Element.Float, type);
        var latents = g.Input("image_latents", Element.Float, Dim.Any, latent, Dim.Any, Dim.Any, Dim.Any).Cast(Element.Float, type);
        var fps = g.Input("fps", Element.Float, Dim.Any);

        // 1. What every pixel may look at: the text, the first frame as 64 tokens, the picture's meaning as 4.
        var meaning = unet["context_embedding"].SiluPair(embedding, "0", "2", size, inner, latent * size).Reshape(g.Sizes($"b,{latent},{size}"));
        var context = g.Op("Concat", [text, FirstFrame(unet["image_latents_context_embedding"], latents, latent, size), meaning], null, Attr.Int("axis", 1));
        g.Output("context", context, Dim.Any, Dim.Any, size);

        // 2. Four more channels for the noisy latents: the picture's own latents and where each frame is in time.
        g.Output("image_features", Features(unet, latents, latent), Dim.Any, latent, Dim.Any, Dim.Any, Dim.Any);

        // 3. Frames per second.
        var wave = Sinusoid.Of(fps, width).Cast(Element.Float, type);
        g.Output("fps_embedding", unet["fps_embedding"].SiluPair(wave, "0", "2", width, inner, inner), Dim.Any, inner);
        return new BuiltNetwork(g.Name, "unet", g, unet.Used);
    }

    private static Value FirstFrame(Module part, Value latents, int latent, int size)
    {
        var g = part.Graph;
        var first = Pictures(part, g.Op("Gather", [latents, g.Scalar(0L)], null, Attr.Int("axis", 2)), latent, "b", "h", "w");
        var wide = part[0].Conv(first, 8 * latent);
        var planes = ChannelsFirst(part, wide with { Value = wide.Value.Silu() }).Cast(part.Type, Element.Float);

        // Adaptive average pooling of any size to 32 × 32, as a product from the left and one from the right.
        var pooled = g.Op("MatMul", [g.Op("MatMul", [g.PoolMatrix("h"), planes]), g.PoolMatrix("w").Transpose(1, 0)]).Cast(Element.Float, part.Type);
        var narrow = part[3].Downsample(Pictures(part, pooled, 8 * latent, "b", $"{Pooled}", $"{Pooled}"), 16 * latent, 1, 1, 1, 1);
        var tokens = part[5].Downsample(narrow with { Value = narrow.Value.Silu() }, size, 1, 1, 1, 1);
        return part.PixelTokens(tokens with { Height = $"{Pooled / 4}", Width = $"{Pooled / 4}" }).Value;
    }

    private static Value Features(Module unet, Value latents, int channels)
    {
        var g = unet.Graph;
        var part = unet["image_latents_proj_in"];
        var frames = latents.Transpose(0, 2, 1, 3, 4).Reshape(g.Sizes($"b*f,{channels},h,w"));
        var wide = part[0].Conv(Pictures(part, frames, channels, "b*f", "h", "w"), 4 * channels);
        var mixed = part[2].Conv(wide with { Value = wide.Value.Silu() }, 4 * channels);
        var narrow = part[4].Conv(mixed with { Value = mixed.Value.Silu() }, channels);

        // A small transformer layer along the frames of each pixel.
        var encoder = unet["image_latents_temporal_encoder"];
        var rows = part.FrameTokens(part.ToFilm(narrow));
        var attn = encoder["attn1"];
        var x = rows.Value + attn.SelfAttention(encoder["norm1"].LayerNorm(rows.Value, channels), channels, heads: 2, headSize: channels) + attn["to_out"][0].Vector("bias", channels);
        var net = encoder["ff"]["net"];
        var inner = g.Microsoft("Gelu", [net[0]["proj"].Linear(x, channels, 4 * channels)]);
        x += net[2].Linear(inner, 4 * channels, channels);
        return x.Reshape(g.Sizes($"b,h*w,f,{channels}")).Transpose(0, 3, 2, 1).Reshape(g.Sizes($"b,{channels},f,h,w"));
    }

    private static Map Pictures(Module part, Value channelsFirst, int channels, string images, string height, string width) =>
        new(part.Fused ? channelsFirst.Transpose(0, 2, 3, 1) : channelsFirst, channels, images, height, width);

    private static Value ChannelsFirst(Module part, Map x) => part.Fused ? x.Value.Transpose(0, 3, 1, 2) : x.Value;
}
