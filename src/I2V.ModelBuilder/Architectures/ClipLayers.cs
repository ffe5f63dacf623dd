using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Architectures;

/// <summary>The pre-norm transformer layer of CLIP (arXiv:2103.00020), the same for text and pictures.</summary>
internal static class ClipLayers
{
    /// <param name="layer">Its part.</param>
    /// <param name="x">[b, tokens, width].</param>
    /// <param name="size">Of the layer.</param>
    /// <param name="mask">Added to the scores; null when every token sees every other.</param>
    public static Value ClipLayer(this Module layer, Value x, ClipLayerSize size, Value? mask = null)
    {
        var attn = layer["self_attn"];
        var (width, normed) = (size.Width, layer["layer_norm1"].LayerNorm(x, size.Width, size.Epsilon));
        var mixed = attn.MultiHead(
            attn["q_proj"].Linear(normed, width, width),
            attn["k_proj"].Linear(normed, width, width),
            attn["v_proj"].Linear(normed, width, width),
            size.Heads,
            mask);
        x += attn["out_proj"].Linear(mixed, width, width);

        var inner = layer["mlp"]["fc1"].Linear(layer["layer_norm2"].LayerNorm(x, width, size.Epsilon), width, size.Inner);
        var active = layer.Graph.Microsoft(
            size.Activation switch
            {
                "gelu" => "Gelu",
                "quick_gelu" => "QuickGelu",
                var other => throw new NotSupportedException($"hidden_act is {other}, but must be gelu or quick_gelu."),
            },
            [inner]);
        return x + layer["mlp"]["fc2"].Linear(active, size.Inner, width);
    }
}

internal sealed record ClipLayerSize(int Width, int Heads, int Inner, string Activation, double Epsilon);
