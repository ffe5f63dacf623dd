using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;

namespace I2V.ModelBuilder.Layers;

/// <summary>Layers over pictures of features.</summary>
internal static class Convolutions
{
    /// <summary>A convolution with bias that keeps the size: 3×3 padded by one, or 1×1.</summary>
    public static Map Conv(this Module module, Map x, int outputs, int kernel = 3)
    {
        var pad = kernel / 2;
        return x with { Value = Conv(module, x, outputs, (kernel, kernel), 1, [pad, pad, pad, pad]), Channels = outputs };
    }

    /// <summary>A 3×3 convolution that halves the sides.</summary>
    /// <param name="module">Its part.</param>
    /// <param name="x">Of even size.</param>
    /// <param name="outputs">Channels of the result.</param>
    /// <param name="pads">Top, left, bottom, right.</param>
    public static Map Downsample(this Module module, Map x, int outputs, params long[] pads) =>
        x.Halved(Conv(module, x, outputs, (3, 3), 2, pads), outputs);

    /// <summary>Nearest pixels at twice the size, then a 3×3 convolution.</summary>
    public static Map Upsample(this Module module, Map x)
    {
        var graph = module.Graph;
        var (n, h, w, c) = (x.Images, x.Height, x.Width, x.Channels);
        var doubled = x.Doubled(x.Value);
        var (apart, repeated, joined) = module.Fused
            ? ($"{n},{h},1,{w},1,{c}", $"{n},{h},2,{w},2,{c}", $"{n},{doubled.Height},{doubled.Width},{c}")
            : ($"{n},{c},{h},1,{w},1", $"{n},{c},{h},2,{w},2", $"{n},{c},{doubled.Height},{doubled.Width}");
        var value = x.Value.Reshape(graph.Sizes(apart)).Expand(graph.Sizes(repeated)).Reshape(graph.Sizes(joined));
        return module["conv"].Conv(doubled with { Value = value }, c);
    }

    /// <summary>A convolution of three neighbouring frames, pixel by pixel; the height axis is time.</summary>
    public static Map TimeConv(this Module module, Map x) =>
        x with { Value = Conv(module, x, x.Channels, (3, 1), 1, [1, 0, 1, 0], depth: true) };

    /// <summary>Group normalisation (arXiv:1803.08494), then SiLU where asked for. Statistics in fp32.</summary>
    public static Map GroupNorm(this Module module, Map x, int groups, double epsilon, bool silu)
    {
        var gamma = module.Vector("weight", x.Channels, Inference.Native.TensorElementType.Float);
        var beta = module.Vector("bias", x.Channels, Inference.Native.TensorElementType.Float);
        return x with { Value = module.Fused ? Fused() : Portable() };

        Value Fused() => module.Graph.Microsoft(
            "GroupNorm",
            [x.Value, gamma, beta],
            null,
            Attr.Float("epsilon", (float)epsilon),
            Attr.Int("groups", groups),
            Attr.Int("activation", silu ? 1 : 0),
            Attr.Int("channels_last", 1));

        // An instance norm over each group's channels, which every provider has.
        Value Portable()
        {
            var graph = module.Graph;
            var ones = graph.Constant<float>(Enumerable.Repeat(1f, groups).ToArray(), groups);
            var zeros = graph.Constant<float>(new float[groups], groups);
            var grouped = x.Value.Cast(module.Type, Inference.Native.TensorElementType.Float)
                .Reshape(graph.Sizes($"{x.Images},{groups},{x.Channels / groups}*{x.Pixels}"));
            var normed = graph.Op("InstanceNormalization", [grouped, ones, zeros], null, Attr.Float("epsilon", (float)epsilon))
                .Reshape(graph.Sizes($"{x.Images},{x.Channels},{x.Height},{x.Width}"));
            var scaled = (normed * gamma.Unsqueeze(1, 2)) + beta.Unsqueeze(1, 2);
            return (silu ? scaled.Silu() : scaled).Cast(Inference.Native.TensorElementType.Float, module.Type);
        }
    }

    /// <summary>Side by side in the channels.</summary>
    public static Map Concat(this Module module, Map left, Map right) => left with
    {
        Value = module.Graph.Op("Concat", [left.Value, right.Value], null, Attr.Int("axis", module.Fused ? -1 : 1)),
        Channels = left.Channels + right.Channels,
    };

    /// <summary>x · sigmoid(x).</summary>
    public static Value Silu(this Value x) => x * x.Graph.Op("Sigmoid", [x]);

    /// <summary>Only where the types differ.</summary>
    public static Value Cast(this Value x, Inference.Native.TensorElementType from, Inference.Native.TensorElementType to) => from == to ? x : x.Cast(to);

    private static Value Conv(Module module, Map x, int outputs, (int Height, int Width) kernel, int stride, long[] pads, bool depth = false)
    {
        var (kh, kw) = kernel;
        long[] shape = depth ? [outputs, x.Channels, kh, kw, 1] : [outputs, x.Channels, kh, kw];
        var bias = module.Vector("bias", outputs);
        Attr[] attributes = [Attr.Ints("kernel_shape", kh, kw), Attr.Ints("strides", stride, stride), Attr.Ints("pads", pads)];
        if (!module.Fused)
        {
            var standard = module.Tensor("weight", shape, [outputs, x.Channels, kh, kw], values => values);
            return module.Graph.Op("Conv", [x.Value, standard, bias], null, attributes);
        }

        var weight = module.Tensor(
            "weight", shape, [outputs, kh, kw, x.Channels], values => WeightTransforms.ToChannelsLast(values, outputs, x.Channels, kh, kw));
        return module.Graph.Microsoft("NhwcConv", [x.Value, weight, bias], null, attributes);
    }
}
