using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>Between pictures and latents of an eighth of their size (AutoencoderKL, arXiv:2112.10752).</summary>
internal static class AutoencoderKl
{
    private const double Epsilon = 1e-6;

    /// <summary>image [b, 3, 8h, 8w], −1 … 1 → moments [b, 8, h, w]: means, then logarithms of variances; fp32.</summary>
    public static BuiltNetwork Encoder(AutoencoderKlConfig config, IWeightSource weights, Target target, Element type)
    {
        var g = new Graph("vae_encoder");
        var vae = new Module(g, weights, target, type);
        var encoder = vae["encoder"];
        var last = config.BlockOutChannels.Count - 1;
        var up = 1 << last;
        var image = g.Input("image", Element.Float, Dim.Any, config.InChannels, Dim.Any, Dim.Any);

        var x = encoder["conv_in"].Conv(FromPictures(vae, image, config.InChannels, $"{up}*h", $"{up}*w"), config.BlockOutChannels[0]);
        for (var i = 0; i <= last; i++)
        {
            var block = encoder["down_blocks"][i];
            for (var layer = 0; layer < config.LayersPerBlock; layer++)
            {
                x = Resnet(block["resnets"][layer], x, config.BlockOutChannels[i], config.NormNumGroups);
            }

            // The reference pads below and to the right only.
            x = i < last ? block["downsamplers"][0]["conv"].Downsample(x, x.Channels, 0, 0, 1, 1) : x;
        }

        x = Middle(encoder["mid_block"], x, config.NormNumGroups);
        x = encoder["conv_norm_out"].GroupNorm(x, config.NormNumGroups, Epsilon, silu: true);
        x = encoder["conv_out"].Conv(x, 2 * config.LatentChannels);
        x = vae["quant_conv"].Conv(x, 2 * config.LatentChannels, kernel: 1);
        g.Output("moments", ToPictures(vae, x), Dim.Any, 2 * config.LatentChannels, Dim.Any, Dim.Any);
        return new BuiltNetwork(g.Name, "vae", g, vae.Used);
    }

    /// <summary>latents [b, 4, h, w], already divided by the scaling factor → image [b, 3, 8h, 8w], about −1 … 1, fp32.</summary>
    public static BuiltNetwork Decoder(AutoencoderKlConfig config, IWeightSource weights, Target target, Element type)
    {
        var g = new Graph("vae_decoder");
        var vae = new Module(g, weights, target, type);
        var decoder = vae["decoder"];
        var last = config.BlockOutChannels.Count - 1;
        var latents = g.Input("latents", Element.Float, Dim.Any, config.LatentChannels, Dim.Any, Dim.Any);

        var x = vae["post_quant_conv"].Conv(FromPictures(vae, latents, config.LatentChannels, "h", "w"), config.LatentChannels, kernel: 1);
        x = decoder["conv_in"].Conv(x, config.BlockOutChannels[last]);
        x = Middle(decoder["mid_block"], x, config.NormNumGroups);
        for (var i = 0; i <= last; i++)
        {
            var block = decoder["up_blocks"][i];
            for (var layer = 0; layer <= config.LayersPerBlock; layer++)
            {
                x = Resnet(block["resnets"][layer], x, config.BlockOutChannels[last - i], config.NormNumGroups);
            }

            x = i < last ? block["upsamplers"][0].Upsample(x) : x;
        }

        x = decoder["conv_norm_out"].GroupNorm(x, config.NormNumGroups, Epsilon, silu: true);
        x = decoder["conv_out"].Conv(x, config.OutChannels);
        g.Output("image", ToPictures(vae, x), Dim.Any, config.OutChannels, Dim.Any, Dim.Any);
        return new BuiltNetwork(g.Name, "vae", g, vae.Used);
    }

    private static Map Middle(Module block, Map x, int groups)
    {
        x = Resnet(block["resnets"][0], x, x.Channels, groups);

        // One head as wide as all channels looks at the whole picture.
        var attn = block["attentions"][0];
        var (c, residual) = (x.Channels, x);
        var tokens = attn.PixelTokens(attn["group_norm"].GroupNorm(x, groups, Epsilon, silu: false));
        var mixed = attn.MultiHead(
            attn["to_q"].Linear(tokens.Value, c, c), attn["to_k"].Linear(tokens.Value, c, c), attn["to_v"].Linear(tokens.Value, c, c), heads: 1);
        x = attn.FromPixelTokens(tokens.With(attn["to_out"][0].Linear(mixed, c, c)), x);
        x = x with { Value = x.Value + residual.Value };

        return Resnet(block["resnets"][1], x, x.Channels, groups);
    }

    private static Map Resnet(Module resnet, Map x, int outputs, int groups)
    {
        var h = resnet["conv1"].Conv(resnet["norm1"].GroupNorm(x, groups, Epsilon, silu: true), outputs);
        h = resnet["conv2"].Conv(resnet["norm2"].GroupNorm(h, groups, Epsilon, silu: true), outputs);
        var residual = x.Channels == outputs ? x : resnet["conv_shortcut"].Conv(x, outputs, kernel: 1);
        return h with { Value = residual.Value + h.Value };
    }

    private static Map FromPictures(Module vae, Value pictures, int channels, string height, string width)
    {
        var value = pictures.Cast(Element.Float, vae.Type);
        return new Map(vae.Fused ? value.Transpose(0, 2, 3, 1) : value, channels, "b", height, width);
    }

    private static Value ToPictures(Module vae, Map x) => (vae.Fused ? x.Value.Transpose(0, 3, 1, 2) : x.Value).Cast(vae.Type, Element.Float);
}
