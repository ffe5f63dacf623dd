using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;

namespace I2V.ModelBuilder.Layers;

/// <summary>Attention and feed-forward layers (arXiv:1706.03762) of a diffusion transformer block.</summary>
internal static class Attentions
{
    /// <summary>Inner widths of the operator that adds a bias, splits and gates in one.</summary>
    private static readonly int[] FusedGates = [1280, 2560, 5120];

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
        var graph = ff.Graph;
        var rowsAtOnce = chunks == 1 ? $"{x.Groups}*{x.Length}" : chunk;
        if (chunks == 1)
        {
            return Rows(x.Value);
        }

        var rows = x.Value.Reshape(graph.Sizes($"1,{x.Groups}*{x.Length},{x.Channels}"));
        var parts = graph.Ops(
            "Split",
            [rows, graph.Parts(string.Join(',', Enumerable.Repeat(chunk, chunks)))],
            [.. Enumerable.Repeat(ff.Type, chunks)],
            Attr.Int("axis", 1));
        return graph.Op("Concat", Array.ConvertAll(parts, Rows), null, Attr.Int("axis", 1)).Reshape(graph.Sizes(x.Shape));

        Value Rows(Value value)
        {
            var (proj, outputs, inner) = (ff["net"][0]["proj"], ff["net"][2], 4 * x.Channels);
            if (ff.Fused && Array.Find(FusedGates, width => width >= inner) is > 0 and var padded)
            {
                graph.LimitElements(rowsAtOnce, 2 * padded); // the operator's own index has 32 bits
                return Fused(proj, outputs, value, x.Channels, inner, padded);
            }

            var wide = proj.Linear(value, x.Channels, 2 * inner);
            var halves = graph.Ops("Split", [wide], [ff.Type, ff.Type], Attr.Int("axis", -1), Attr.Int("num_outputs", 2));
            return outputs.Product(halves[0] * graph.Microsoft("Gelu", [halves[1]]), inner, x.Channels);
        }
    }

    /// <summary>With zeros up to a width that the operator has: they stay zeros, and cost less than operators of their own.</summary>
    private static Value Fused(Module proj, Module outputs, Value x, int channels, int inner, int padded)
    {
        var weight = proj.Matrix([2 * inner, channels], channels, 2 * padded, values =>
            WeightTransforms.Transpose2D(Halves(values, inner * channels, padded * channels), 2 * padded, channels));
        var bias = proj.Tensor("bias", [2 * inner], [2 * padded], values => Halves(values, inner, padded));
        var back = outputs.Matrix([channels, inner], padded, channels, values =>
            [.. WeightTransforms.Transpose2D(values, channels, inner), .. new float[(padded - inner) * channels]]);

        var gated = proj.Graph.Microsoft("BiasSplitGelu", [proj.Graph.Op("MatMul", [x, weight]), bias]);
        return proj.Graph.Op("MatMul", [gated, back]);
    }

    /// <summary>Both halves of the values, each followed by zeros up to a length.</summary>
    private static float[] Halves(float[] values, int length, int padded)
    {
        var result = new float[2 * padded];
        values.AsSpan(0, length).CopyTo(result);
        values.AsSpan(length).CopyTo(result.AsSpan(padded));
        return result;
    }
}
