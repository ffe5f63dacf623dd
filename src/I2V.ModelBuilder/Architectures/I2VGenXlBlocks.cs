using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Architectures;

/// <summary>The parts that every level of the UNet repeats: resnet, convolution in time, transformers in space and time.</summary>
/// <param name="config">Sizes.</param>
/// <param name="context">[b, tokens, ctx].</param>
/// <param name="time">[b, 4·width], after SiLU.</param>
/// <param name="chunked">Whether feed-forward layers of the widest levels work in chunks, where the target is fused.</param>
internal sealed class I2VGenXlBlocks(I2VGenXlUnetConfig config, Value context, Value time, bool chunked)
{
    public const double ResnetEpsilon = 1e-5;
    private const double TransformerEpsilon = 1e-6;

    /// <summary>Resnet, convolution in time, and, where the level attends, a transformer over pixels and one over frames.</summary>
    /// <param name="block">The level's part.</param>
    /// <param name="index">Of the layer.</param>
    /// <param name="x">Its input.</param>
    /// <param name="channels">Of its output.</param>
    /// <param name="attends">Whether the level has transformers.</param>
    /// <param name="skip">What the way down left for the way up, beside the input in the channels; null for none.</param>
    public Map Layer(Module block, int index, Map x, int channels, bool attends, Map? skip = null)
    {
        x = Resnet(block["resnets"][index], x, channels, skip);
        x = TemporalConvolution(block["temp_convs"][index], x);
        if (!attends)
        {
            return x;
        }

        x = SpatialTransformer(block["attentions"][index], x);
        return TemporalTransformer(block["temp_attentions"][index], x, x.Channels / config.AttentionHeadDim);
    }

    /// <summary>A transformer over the frames of each pixel, with two self-attentions.</summary>
    public Map TemporalTransformer(Module part, Map x, int heads)
    {
        part.BeginUnit();
        var film = part["norm"].GroupNorm(part.ToFilm(x), config.NormNumGroups, TransformerEpsilon, silu: false);
        var (inner, block) = (heads * config.AttentionHeadDim, part["transformer_blocks"][0]);
        var rows = part.FrameTokens(film);
        var projected = rows with { Value = part["proj_in"].Product(rows.Value, x.Channels, inner), Channels = inner };

        var (h, n) = block["norm1"].AddNorm(projected, part["proj_in"].Vector("bias", inner));
        var mixed = block["attn1"].SelfAttention(n, inner, heads, config.AttentionHeadDim);
        (h, n) = block["norm2"].AddNorm(mixed, OutBias(block["attn1"], inner), h, inner);
        mixed = block["attn2"].SelfAttention(n, inner, heads, config.AttentionHeadDim);
        (h, n) = block["norm3"].AddNorm(mixed, OutBias(block["attn2"], inner), h, inner);
        h = FeedForward(block["ff"], projected.With(n), h, x);

        var back = part["proj_out"].Product(h, inner, x.Channels);
        return AddBack(part, part.FromFrameTokens(rows.With(back), x), x);
    }

    private Map SpatialTransformer(Module part, Map x)
    {
        part.BeginUnit();
        var (c, heads, block) = (x.Channels, x.Channels / config.AttentionHeadDim, part["transformer_blocks"][0]);
        var rows = part.PixelTokens(part["norm"].GroupNorm(x, config.NormNumGroups, TransformerEpsilon, silu: false));
        var projected = rows.With(part["proj_in"].Product(rows.Value, c, c));

        var (h, n) = block["norm1"].AddNorm(projected, part["proj_in"].Vector("bias", c));
        var mixed = block["attn1"].SelfAttention(n, c, heads, config.AttentionHeadDim);
        (h, n) = block["norm2"].AddNorm(mixed, OutBias(block["attn1"], c), h, c);
        mixed = block["attn2"].CrossAttention(rows.With(n), context, config.CrossAttentionDim, heads);
        (h, n) = block["norm3"].AddNorm(mixed, OutBias(block["attn2"], c), h, c);
        h = FeedForward(block["ff"], rows.With(n), h, x);

        var back = part["proj_out"].Product(h, c, c);
        return AddBack(part, part.FromPixelTokens(rows.With(back), x), x);
    }

    private Map Resnet(Module resnet, Map x, int channels, Map? skip)
    {
        resnet.BeginUnit();
        var graph = resnet.Graph;
        x = skip is null ? x : resnet.Concat(x, skip);
        var h = resnet["conv1"].Conv(resnet["norm1"].GroupNorm(x, config.NormNumGroups, ResnetEpsilon, silu: true), channels);

        // The same vector for every pixel of every frame.
        var shift = resnet["time_emb_proj"].Linear(time, 4 * config.BlockOutChannels[0], channels);
        var shifted = resnet.Fused
            ? h.Value.Reshape(graph.Sizes($"b,f*{h.Pixels},{channels}")) + shift.Unsqueeze(1)
            : h.Value.Reshape(graph.Sizes($"b,f,{channels},{h.Pixels}")) + shift.Unsqueeze(1, 3);
        h = h with { Value = shifted.Reshape(graph.Sizes(resnet.Fused ? $"b*f,{h.Height},{h.Width},{channels}" : $"b*f,{channels},{h.Height},{h.Width}")) };
        h = resnet["conv2"].Conv(resnet["norm2"].GroupNorm(h, config.NormNumGroups, ResnetEpsilon, silu: true), channels);

        var residual = x.Channels == channels ? x : resnet["conv_shortcut"].Conv(x, channels, kernel: 1);
        return h with { Value = residual.Value + h.Value };
    }

    private Map TemporalConvolution(Module part, Map x)
    {
        part.BeginUnit();
        var film = part.ToFilm(x);
        var h = film;
        foreach (var (name, convolution) in new[] { ("conv1", 2), ("conv2", 3), ("conv3", 3), ("conv4", 3) })
        {
            h = part[name][0].GroupNorm(h, config.NormNumGroups, ResnetEpsilon, silu: true);
            h = part[name][convolution].TimeConv(h);
        }

        return part.FromFilm(h with { Value = film.Value + h.Value }, x);
    }

    private static Value OutBias(Module attn, int channels) => attn["to_out"][0].Vector("bias", channels);

    /// <summary>The feed-forward layer with bias and residual.</summary>
    private Value FeedForward(Module ff, Tokens x, Value residual, Map level)
    {
        // The inner tensor of the first levels would be the largest of the network.
        var chunks = chunked && ff.Fused ? level.Height switch { "h" => 4, "h/2" => 2, _ => 1 } : 1;
        var product = ff.GatedFeedForward(x, $"b*f*{level.Chunk(chunks)}", chunks);
        return ff.AddBias(product, ff["net"][2].Vector("bias", x.Channels), residual, x.Channels);
    }

    private static Map AddBack(Module part, Map product, Map residual)
    {
        var bias = part["proj_out"].Vector("bias", residual.Channels);
        if (!part.Fused)
        {
            return product with { Value = product.Value + bias.Unsqueeze(1, 2) + residual.Value };
        }

        var (rows, before) = (part.PixelTokens(product), part.PixelTokens(residual));
        return part.FromPixelTokens(rows.With(part.AddBias(rows.Value, bias, before.Value, residual.Channels)), residual);
    }
}
