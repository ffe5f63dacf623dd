using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Layers;

/// <summary>Attention and feed-forward layers (arXiv:1706.03762) of a diffusion transformer block.</summary>
internal static class Attentions
{
    /// <summary>softmax(q·kᵀ/√d)·v for each head.</summary>
    public static Value MultiHead(this Module module, Value query, Value key, Value value, int heads, Value? bias = null) => module.Graph.Microsoft(
        "MultiHeadAttention",
        bias is null ? [query, key, value] : [query, key, value, module.Graph.None, module.Graph.None, bias],
        null,
        Attr.Int("num_heads", heads));

    /// <summary>Every row looks at the rows of its group. Without the output's bias.</summary>
    public static Value SelfAttention(this Module attn, Value x, int channels, int heads, int headSize)
    {
        var inner = heads * headSize;
        var mixed = attn.MultiHead(
            attn["to_q"].Product(x, channels, inner), attn["to_k"].Product(x, channels, inner), attn["to_v"].Product(x, channels, inner), heads);
        return attn["to_out"][0].Product(mixed, inner, channels);
    }

    /// <summary>Every row of every frame looks at the film's context, whose keys and values are made once. Without the output's bias.</summary>
    public static Value CrossAttention(this Module attn, Tokens x, Value context, int contextSize, int heads)
    {
        var graph = attn.Graph;
        var query = attn["to_q"].Product(x.Value, x.Channels, x.Channels).Reshape(graph.Sizes($"b,f*{x.Length},{x.Channels}"));
        var mixed = attn.MultiHead(
            query, attn["to_k"].Product(context, contextSize, x.Channels), attn["to_v"].Product(context, contextSize, x.Channels), heads);
        return attn["to_out"][0].Product(mixed.Reshape(graph.Sizes(x.Shape)), x.Channels, x.Channels);
    }

    /// <summary>GEGLU (arXiv:2002.05202): first half · gelu(second half), between two linear layers. Without the output's bias.</summary>
    /// <param name="ff">Its part.</param>
    /// <param name="x">The rows.</param>
    /// <param name="chunk">Rows of one of <paramref name="chunks"/> equal chunks, a formula: the inner tensor is eight times as wide as the rows.</param>
    /// <param name="chunks">1 to take all rows at once.</param>
    public static Value GatedFeedForward(this Module ff, Tokens x, string chunk = "", int chunks = 1)
    {
        if (chunks == 1)
        {
            return Rows(x.Value);
        }

        var graph = ff.Graph;
        var rows = x.Value.Reshape(graph.Sizes($"1,{x.Groups}*{x.Length},{x.Channels}"));
        var parts = graph.Ops(
            "Split",
            [rows, graph.Parts(string.Join(',', Enumerable.Repeat(chunk, chunks)))],
            [.. Enumerable.Repeat(ff.Type, chunks)],
            Attr.Int("axis", 1));
        return graph.Op("Concat", Array.ConvertAll(parts, Rows), null, Attr.Int("axis", 1)).Reshape(graph.Sizes(x.Shape));

        Value Rows(Value value)
        {
            var inner = 4 * x.Channels;
            var wide = ff["net"][0]["proj"].Product(value, x.Channels, 2 * inner);
            return ff["net"][2].Product(Gate(ff, wide, ff["net"][0]["proj"].Vector("bias", 2 * inner), inner), inner, x.Channels);
        }
    }

    private static Value Gate(Module ff, Value wide, Value bias, int inner)
    {
        if (ff.Fused && inner is 1280 or 2560 or 5120) // the widths that the operator has
        {
            return ff.Graph.Microsoft("BiasSplitGelu", [wide, bias]);
        }

        var halves = ff.Graph.Ops("Split", [wide + bias], [ff.Type, ff.Type], Attr.Int("axis", -1), Attr.Int("num_outputs", 2));
        return halves[0] * ff.Graph.Microsoft("Gelu", [halves[1]]);
    }
}
