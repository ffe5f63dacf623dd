using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using Element = I2V.Inference.Native.TensorElementType;

namespace I2V.ModelBuilder.Layers;

/// <summary>
/// A part of a network, named like the checkpoint's keys: <c>unet["down_blocks"][0]["resnets"][1]</c>. Layers are
/// extension methods on it; they append operators to the graph and say which weights those read.
/// </summary>
internal sealed class Module
{
    private readonly Net net;
    private readonly string path;

    /// <param name="graph">Where layers append operators.</param>
    /// <param name="weights">Where weights are read.</param>
    /// <param name="target">Which operators.</param>
    /// <param name="type">Of weights and of what is computed with them.</param>
    /// <param name="eightBit">Whether matrices are stored in 8 bits; what is computed with them stays as it is.</param>
    public Module(Graph graph, IWeightSource weights, Target target, Element type, bool eightBit = false)
        : this(new Net(graph, weights, target, type, eightBit), "")
    {
    }

    private Module(Net net, string path) => (this.net, this.path) = (net, path);

    public Graph Graph => net.Graph;

    public bool Fused => net.Target == Target.Fused;

    /// <summary>Of weights and of what is computed with them.</summary>
    public Element Type => net.Type;

    /// <summary>Checkpoint key → shape of every weight asked for so far.</summary>
    public IReadOnlyDictionary<string, long[]> Used => net.Used;

    /// <summary>The same part, none of whose matrices is in 8 bits.</summary>
    public Module InFullPrecision => new(net with { EightBit = false }, path);

    public Module this[string name] => new(net, path.Length == 0 ? name : $"{path}.{name}");

    public Module this[int index] => this[$"{index}"];

    /// <summary>This part, and what follows up to the next such call, is a unit of the graph under this part's name.</summary>
    public void BeginUnit() => Graph.BeginUnit(path);

    /// <summary>A one-dimensional weight of this part.</summary>
    /// <param name="name"><c>weight</c> or <c>bias</c>.</param>
    /// <param name="size">Its elements.</param>
    /// <param name="type">When it differs from the network's.</param>
    public Value Vector(string name, int size, Element? type = null) => Tensor(name, [size], type);

    /// <summary>A weight as the checkpoint has it.</summary>
    public Value Tensor(string name, long[] shape, Element? type = null) => Tensor(name, shape, shape, values => values, type);

    /// <summary>A weight, rearranged.</summary>
    /// <param name="name">Its last name.</param>
    /// <param name="shape">In the checkpoint.</param>
    /// <param name="arranged">In the graph.</param>
    /// <param name="arrange">From the one to the other.</param>
    /// <param name="type">When it differs from the network's.</param>
    public Value Tensor(string name, long[] shape, long[] arranged, Func<float[], float[]> arrange, Element? type = null)
    {
        var key = $"{path}.{name}";
        var element = type ?? net.Type;
        return net.Once(key, () =>
        {
            net.Use(key, shape);
            return net.Graph.Weight(key, element, arranged, () => WeightTransforms.Cast(arrange(net.Read(key, shape)), element, key));
        });
    }

    /// <summary>The part's weight, rearranged, for products with rows from the left; in 8 bits (<see cref="EightBit"/>) where matrices are.</summary>
    /// <param name="shape">In the checkpoint.</param>
    /// <param name="rows">In the graph.</param>
    /// <param name="columns">In the graph: outputs of the product.</param>
    /// <param name="arrange">From the one to the other.</param>
    public Value Matrix(long[] shape, int rows, int columns, Func<float[], float[]> arrange)
    {
        if (!net.EightBit)
        {
            return Tensor("weight", shape, [rows, columns], arrange);
        }

        var key = $"{path}.weight";
        return net.Once(key, () =>
        {
            net.Use(key, shape);
            net.Graph.Opset = OnnxFile.EightBitOpset;
            var numbers = net.Graph.Weight($"{key}.int8", Element.Int8, [rows, columns], () => EightBit.Numbers(arrange(net.Read(key, shape)), columns, net.Type));
            var scales = net.Graph.Weight($"{key}.scale", net.Type, [columns], () => EightBit.Scales(arrange(net.Read(key, shape)), columns, net.Type, key));
            return net.Graph.Op("DequantizeLinear", [numbers, scales], net.Type, Attr.Int("axis", 1));
        });
    }

    private sealed record Net(Graph Graph, IWeightSource Weights, Target Target, Element Type, bool EightBit)
    {
        private readonly Dictionary<string, long[]> used = [];
        private readonly Dictionary<string, Value> made = [];

        public IReadOnlyDictionary<string, long[]> Used => used;

        public void Use(string key, long[] shape) => used[key] = shape;

        /// <summary>Parts of a layer that works in chunks share one weight.</summary>
        public Value Once(string key, Func<Value> make) => made.TryGetValue(key, out var value) ? value : made[key] = make();

        public float[] Read(string key, long[] shape)
        {
            var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
            Weights.Read(key, shape, values);
            return values;
        }
    }
}
