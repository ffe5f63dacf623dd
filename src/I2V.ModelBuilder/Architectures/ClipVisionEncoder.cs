using I2V.ModelBuilder.Layers;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Architectures;

/// <summary>A picture → one vector in the space of the text (CLIP's vision transformer with its projection).</summary>
internal static class ClipVisionEncoder
{
    /// <summary>pixel_values [b, 3, size, size], normalised → image_embeds [b, projection], fp32.</summary>
    public static BuiltNetwork Build(ClipVisionConfig config, IWeightSource weights, Target target, Element type)
    {
        var g = new Graph("image_encoder");
        var root = new Module(g, weights, target, type);
        var model = root["vision_model"];
        var (width, patch) = (config.HiddenSize, config.PatchSize);
        var side = config.ImageSize / patch;
        var pixels = g.Input("pixel_values", Element.Float, Dim.Any, 3, config.ImageSize, config.ImageSize);

        // 1. Patches as tokens, one for the whole picture before them, and their places.
        var embeddings = model["embeddings"];
        var kernel = embeddings["patch_embedding"].Tensor("weight", [width, 3, patch, patch]);
        var patches = g.Op("Conv", [pixels.Cast(Element.Float, type), kernel], null, Attr.Ints("kernel_shape", patch, patch), Attr.Ints("strides", patch, patch))
            .Reshape(g.Sizes($"b,{width},{side * side}")).Transpose(0, 2, 1);
        var whole = embeddings.Vector("class_embedding", width).Expand(g.Sizes($"b,1,{width}"));
        var count = (side * side) + 1;
        var places = embeddings["position_embedding"].Tensor("weight", [count, width]);
        var x = g.Op("Concat", [whole, patches], null, Attr.Int("axis", 1)) + places;

        // 2. All layers.
        x = model["pre_layrnorm"].LayerNorm(x, width, config.LayerNormEps); // the checkpoint's own spelling
        var size = new ClipLayerSize(width, config.NumAttentionHeads, config.IntermediateSize, config.HiddenAct, config.LayerNormEps);
        for (var i = 0; i < config.NumHiddenLayers; i++)
        {
            x = model["encoder"]["layers"][i].ClipLayer(x, size);
        }

        // 3. The first token says it all.
        var first = model["post_layernorm"].LayerNorm(g.Op("Gather", [x, g.Scalar(0L)], null, Attr.Int("axis", 1)), width, config.LayerNormEps);
        var embeds = root["visual_projection"].Product(first, width, config.ProjectionDim);
        g.Output("image_embeds", embeds.Cast(type, Element.Float), Dim.Any, config.ProjectionDim);
        return new BuiltNetwork(g.Name, "image_encoder", g, model.Used);
    }
}
