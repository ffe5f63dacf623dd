using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>Text tokens → one vector each, from the layer before the last, as I2VGen-XL was trained (clip_skip 1).</summary>
internal static class ClipTextEncoder
{
    /// <summary>input_ids [b, 77] → prompt_embeds [b, 77, width], fp32.</summary>
    public static BuiltNetwork Build(ClipTextConfig config, IWeightSource weights, Target target, Element type)
    {
        var g = new Graph("text_encoder");
        var model = new Module(g, weights, target, type)["text_model"];
        var (tokens, width) = (config.MaxPositionEmbeddings, config.HiddenSize);
        var ids = g.Input("input_ids", Element.Int64, Dim.Any, tokens);

        // 1. Words and places.
        var embeddings = model["embeddings"];
        var words = embeddings["token_embedding"].Tensor("weight", [config.VocabSize, width]);
        var places = embeddings["position_embedding"].Tensor("weight", [tokens, width]);
        var x = g.Op("Gather", [words, ids], type) + places;

        // 2. Every layer but the last; a token sees itself and what came before.
        var mask = Causal(g, tokens, type);
        var size = new ClipLayerSize(width, config.NumAttentionHeads, config.IntermediateSize, config.HiddenAct, config.LayerNormEps);
        for (var i = 0; i < config.NumHiddenLayers - 1; i++)
        {
            x = model["encoder"]["layers"][i].ClipLayer(x, size, mask);
        }

        // 3. The norm that belongs to the last layer.
        var output = model["final_layer_norm"].LayerNorm(x, width, config.LayerNormEps);
        g.Output("prompt_embeds", output.Cast(type, Element.Float), Dim.Any, tokens, width);
        return new BuiltNetwork(g.Name, "text_encoder", g, model.Used);
    }

    /// <summary>[1, 1, tokens, tokens]: 0 where a row may look, else the lowest number of its type.</summary>
    private static Value Causal(Graph g, int tokens, Element type)
    {
        var scores = Enumerable.Range(0, tokens * tokens).Select(i => i % tokens <= i / tokens ? 0f : float.MinValue);
        return type == Element.Float16
            ? g.Constant<Half>(scores.Select(score => score < 0 ? Half.MinValue : Half.Zero).ToArray(), 1, 1, tokens, tokens)
            : g.Constant<float>(scores.ToArray(), 1, 1, tokens, tokens);
    }
}
