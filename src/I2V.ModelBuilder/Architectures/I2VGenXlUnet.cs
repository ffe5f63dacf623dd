using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>
/// The denoiser of I2VGen-XL (arXiv:2311.04145): a UNet over pictures whose every level also looks along time. What does
/// not depend on the step comes from <see cref="I2VGenXlConditioning"/>.
/// </summary>
internal sealed class I2VGenXlUnet
{
    private readonly I2VGenXlUnetConfig config;
    private readonly Module unet;
    private readonly I2VGenXlBlocks blocks;

    private I2VGenXlUnet(I2VGenXlUnetConfig config, Module unet, I2VGenXlBlocks blocks) => (this.config, this.unet, this.blocks) = (config, unet, blocks);

    /// <summary>
    /// sample [b, 4, f, h, w] and timestep [1], fp32; context [b, tokens, ctx], image_features [b, 4, f, h, w],
    /// fps_embedding [b, 4·width] → noise_pred [b, 4, f, h, w], fp32.
    /// </summary>
    /// <param name="config">Sizes.</param>
    /// <param name="weights">Of the checkpoint's folder.</param>
    /// <param name="target">Which operators.</param>
    /// <param name="type">Of the weights, and of what is computed with them.</param>
    /// <param name="chunked">Whether fused feed-forward layers of the widest levels work in chunks: less memory for a little more time.</param>
    /// <param name="eightBit">Whether matrices are stored in 8 bits, but for the time embedding's, through which every step goes.</param>
    public static BuiltNetwork Build(I2VGenXlUnetConfig config, IWeightSource weights, Target target, Element type, bool chunked = true, bool eightBit = false)
    {
        var g = new Graph("unet");
        var unet = new Module(g, weights, target, type, eightBit);
        var (width, latent) = (config.BlockOutChannels[0], config.InChannels);
        var sample = g.Input("sample", Element.Float, Dim.Any, latent, Dim.Any, Dim.Any, Dim.Any);
        var timestep = g.Input("timestep", Element.Float, 1);
        var context = g.Input("context", type, Dim.Any, Dim.Any, config.CrossAttentionDim);
        var features = g.Input("image_features", type, Dim.Any, latent, Dim.Any, Dim.Any, Dim.Any);
        var fps = g.Input("fps_embedding", type, Dim.Any, 4 * width);

        g.BeginUnit("stem");

        // 1. The time of the step and the frames per second, as one vector for each resnet.
        var time = unet["time_embedding"].InFullPrecision.SiluPair(Sinusoid.Of(timestep, width).Cast(Element.Float, type), "linear_1", "linear_2", width, 4 * width, 4 * width);
        var blocks = new I2VGenXlBlocks(config, context, (time + fps).Silu(), chunked);

        // 2. The noisy latents beside the picture's.
        var both = g.Op("Concat", [sample.Cast(Element.Float, type), features], null, Attr.Int("axis", 1));
        var frames = unet.Fused
            ? both.Transpose(0, 2, 3, 4, 1).Reshape(g.Sizes($"b*f,h,w,{2 * latent}"))
            : both.Transpose(0, 2, 1, 3, 4).Reshape(g.Sizes($"b*f,{2 * latent},h,w"));
        var x = unet["conv_in"].Conv(new Map(frames, 2 * latent, "b*f", "h", "w"), width);

        // 3. Down, through the middle, and up again.
        var noise = new I2VGenXlUnet(config, unet, blocks).Denoise(x);

        // 4. What to take away from the latents.
        var apart = unet.Fused
            ? noise.Value.Reshape(g.Sizes($"b,f,h,w,{config.OutChannels}")).Transpose(0, 4, 1, 2, 3)
            : noise.Value.Reshape(g.Sizes($"b,f,{config.OutChannels},h,w")).Transpose(0, 2, 1, 3, 4);
        g.Output("noise_pred", apart.Cast(type, Element.Float), Dim.Any, config.OutChannels, Dim.Any, Dim.Any, Dim.Any);
        return new BuiltNetwork(g.Name, "unet", g, unet.Used);
    }

    private Map Denoise(Map x)
    {
        x = blocks.TemporalTransformer(unet["transformer_in"], x, heads: 8);
        var skips = new Stack<Map>([x]);
        var last = config.BlockOutChannels.Count - 1;
        for (var i = 0; i <= last; i++)
        {
            x = Down(unet["down_blocks"][i], x, config.BlockOutChannels[i], attends: i < last, shrinks: i < last, skips);
        }

        x = Middle(unet["mid_block"], x);
        for (var i = 0; i <= last; i++)
        {
            x = Up(unet["up_blocks"][i], x, config.BlockOutChannels[last - i], attends: i > 0, grows: i < last, skips);
        }

        unet.Graph.BeginUnit("tail");
        x = unet["conv_norm_out"].GroupNorm(x, config.NormNumGroups, I2VGenXlBlocks.ResnetEpsilon, silu: true);
        return unet["conv_out"].Conv(x, config.OutChannels);
    }

    private Map Down(Module block, Map x, int channels, bool attends, bool shrinks, Stack<Map> skips)
    {
        for (var layer = 0; layer < config.LayersPerBlock; layer++)
        {
            x = blocks.Layer(block, layer, x, channels, attends);
            skips.Push(x);
        }

        if (shrinks)
        {
            block["downsamplers"][0].BeginUnit();
            x = block["downsamplers"][0]["conv"].Downsample(x, x.Channels, 1, 1, 1, 1);
            skips.Push(x);
        }

        return x;
    }

    private Map Middle(Module block, Map x)
    {
        x = blocks.Layer(block, 0, x, x.Channels, attends: true);
        return blocks.Layer(block, 1, x, x.Channels, attends: false);
    }

    private Map Up(Module block, Map x, int channels, bool attends, bool grows, Stack<Map> skips)
    {
        for (var layer = 0; layer <= config.LayersPerBlock; layer++)
        {
            x = blocks.Layer(block, layer, x, channels, attends, skips.Pop());
        }

        if (!grows)
        {
            return x;
        }

        block["upsamplers"][0].BeginUnit();
        return block["upsamplers"][0].Upsample(x);
    }
}
