using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;

namespace I2V.ModelBuilder.Layers;

/// <summary>Layers over rows of features.</summary>
internal static class Linears
{
    /// <summary>x · Wᵀ, the bias left to whoever comes next: it costs nothing inside another operator.</summary>
    public static Value Product(this Module module, Value x, int inputs, int outputs) => module.Graph.Op(
        "MatMul",
        [x, module.Matrix([outputs, inputs], inputs, outputs, values => WeightTransforms.Transpose2D(values, outputs, inputs))]);

    /// <summary>x · Wᵀ + b.</summary>
    public static Value Linear(this Module module, Value x, int inputs, int outputs) => module.Product(x, inputs, outputs) + module.Vector("bias", outputs);

    public static Value LayerNorm(this Module module, Value x, int channels, double epsilon = 1e-5) => module.Graph.Op(
        "LayerNormalization",
        [x, module.Vector("weight", channels), module.Vector("bias", channels)],
        null,
        Attr.Int("axis", -1),
        Attr.Float("epsilon", (float)epsilon));

    /// <summary>Adds bias and residual to a product, and normalises the sum: one operator.</summary>
    /// <returns>The sum and its norm.</returns>
    public static (Value Sum, Value Normed) AddNorm(this Module module, Value product, Value bias, Value residual, int channels)
    {
        var outputs = module.Graph.Microsofts(
            "SkipLayerNormalization",
            [product, residual, module.Vector("weight", channels), module.Vector("bias", channels), bias],
            [module.Type, default, default, module.Type],
            Attr.Float("epsilon", 1e-5f));
        return (outputs[3], outputs[0]);
    }

    /// <summary>Adds a bias to a product, and normalises the sum.</summary>
    /// <returns>The sum and its norm.</returns>
    public static (Value Sum, Value Normed) AddNorm(this Module module, Tokens product, Value bias)
    {
        if (!module.Fused)
        {
            var sum = product.Value + bias;
            return (sum, module.LayerNorm(sum, product.Channels));
        }

        // Every row a sequence of its own, so that the bias is a residual that all of them share.
        var graph = module.Graph;
        var rows = product.Value.Reshape(graph.Sizes($"{product.Groups}*{product.Length},1,{product.Channels}"));
        var outputs = graph.Microsofts(
            "SkipLayerNormalization",
            [rows, bias.Unsqueeze(0, 1), module.Vector("weight", product.Channels), module.Vector("bias", product.Channels)],
            [module.Type, default, default, module.Type],
            Attr.Float("epsilon", 1e-5f));
        return (outputs[3].Reshape(graph.Sizes(product.Shape)), outputs[0].Reshape(graph.Sizes(product.Shape)));
    }

    /// <summary>product + bias + residual.</summary>
    public static Value AddBias(this Module module, Value product, Value bias, Value residual, int channels) =>
        module.Fused && channels is 320 or 640 or 1280 // the widths that the operator has
            ? module.Graph.Microsoft("BiasAdd", [product, bias, residual])
            : product + bias + residual;

    /// <summary>SiLU between two linear layers, as time and context embeddings are made.</summary>
    public static Value SiluPair(this Module module, Value x, string first, string second, int inputs, int inner, int outputs) =>
        module[second].Linear(module[first].Linear(x, inputs, inner).Silu(), inner, outputs);
}
