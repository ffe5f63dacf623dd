using System.Runtime.InteropServices;
using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Onnx;

/// <summary>
/// An ONNX graph under construction: inputs, constants, operators, outputs, in the order of the calls. Names that are
/// not given are numbered, so the same calls give the same file.
/// </summary>
/// <param name="name">Of the graph; the names of a subgraph's values begin with it.</param>
/// <param name="outer">The graph around a Loop's or If's body, whose values the body may use; null for a whole model.</param>
public sealed class Graph(string name, Graph? outer = null)
{
    /// <summary>Latent rows and columns that every level halves without a rest.</summary>
    private const int SampleSide = 64;

    private readonly HashSet<string> names = [];
    private readonly string prefix = outer is null ? "" : $"{name}.";
    private readonly Dictionary<string, GraphInput> described = [];
    private readonly Dictionary<(string Kind, string Formula), Value> sizes = [];
    private int numbered;

    public string Name { get; } = name;

    /// <summary>Version of the standard operators.</summary>
    public int Opset { get; internal set; } = OnnxFile.Opset;

    /// <summary>Stands for an optional input that is left out.</summary>
    public Value None => new(this, "", TensorElementType.Unknown);

    internal List<(Value Value, Dim[]? Shape)> Inputs { get; } = [];

    internal List<(Value Value, Dim[]? Shape)> Outputs { get; } = [];

    internal List<Initializer> Initializers { get; } = [];

    internal List<Node> Nodes { get; } = [];

    /// <summary>Where the node ranges of the units begin, in the order of the nodes.</summary>
    internal List<(string Name, int FirstNode)> UnitStarts { get; } = [];

    /// <summary>The inputs as the manifest lists them, in the order of the graph.</summary>
    public IReadOnlyList<GraphInput> Described => [.. Inputs.Select(input => described.GetValueOrDefault(input.Value.Name) ?? new GraphInput(input.Value.Name, "tensor"))];

    /// <summary>The most voxels (b·f·h·w) of a run; null for any number.</summary>
    public long? MaxVoxels { get; private set; }

    /// <summary>Notes a tensor that an operator counts the elements of in 32 bits.</summary>
    /// <param name="rows">How many it has, a formula of one entry that grows with b·f·h·w.</param>
    /// <param name="width">Elements of a row.</param>
    public void LimitElements(string rows, long width)
    {
        var sizes = new Dictionary<string, long> { ["b"] = 1, ["f"] = 1, ["h"] = SampleSide, ["w"] = SampleSide };
        var of = SizeFormula.Parse(rows).Evaluate(sizes)[0];
        var most = (long)(int.MaxValue * (double)(SampleSide * SampleSide) / (of * (double)width));
        MaxVoxels = Math.Min(most, MaxVoxels ?? long.MaxValue);
    }

    /// <summary>
    /// The operators that follow are a unit of their own, up to the next call: <see cref="GraphUnits"/> can cut the graph
    /// there. A graph that is cut begins its first unit before its first operator.
    /// </summary>
    /// <param name="unitName">Such as <c>down_blocks.0.resnets.0</c>.</param>
    /// <exception cref="InvalidOperationException">Operators would belong to no unit.</exception>
    public void BeginUnit(string unitName)
    {
        if (UnitStarts.Count == 0 && Nodes.Count > 0)
        {
            throw new InvalidOperationException($"The graph {Name} has {Nodes.Count} operators before its first unit {unitName}: begin a unit before them.");
        }

        UnitStarts.Add((unitName, Nodes.Count));
    }

    /// <summary>An input of another graph under its own name, described as there.</summary>
    internal void InputOf(Graph whole, Value value, Dim[]? shape)
    {
        Inputs.Add((value, shape));
        if (whole.described.TryGetValue(value.Name, out var description))
        {
            described[value.Name] = description;
        }
    }

    /// <summary>A value that every run is given.</summary>
    public Value Input(string inputName, TensorElementType type, params Dim[] shape)
    {
        var value = Named(inputName, type);
        Inputs.Add((value, shape));
        return value;
    }

    /// <summary>
    /// Sizes that every run computes from the request and hands in, so that the runtime cannot prove sizes of
    /// intermediate tensors equal: it would keep whole buffers until the end of the run in order to use them again.
    /// </summary>
    /// <param name="formula">A <see cref="SizeFormula"/>; the same text gives the same input.</param>
    public Value Sizes(string formula) => Derived("shape", formula, TensorElementType.Int64, SizeFormula.Parse(formula).Count);

    /// <summary>Sizes of parts, as <see cref="Sizes"/>; every part must have a row.</summary>
    public Value Parts(string formula) => Derived("split", formula, TensorElementType.Int64, SizeFormula.Parse(formula).Count);

    /// <summary>A matrix [32, size] that averages like adaptive pooling from the size to 32.</summary>
    public Value PoolMatrix(string formula) => Derived("pool_matrix", formula, TensorElementType.Float, 32, Dim.Any);

    private Value Derived(string kind, string formula, TensorElementType type, params Dim[] shape)
    {
        if (!sizes.TryGetValue((kind, formula), out var value))
        {
            var inputName = $"{kind}:{formula.Replace(" ", "", StringComparison.Ordinal)}";
            value = Input(inputName, type, shape);
            described[inputName] = new GraphInput(inputName, kind, formula);
            sizes[(kind, formula)] = value;
        }

        return value;
    }

    /// <summary>A small tensor inside the graph's own file.</summary>
    public Value Constant<T>(ReadOnlySpan<T> data, params long[] shape)
        where T : unmanaged
    {
        var value = Named(Numbered("const"), TensorElementTypes.Of<T>());
        Initializers.Add(Initializer.Inline(value, shape, MemoryMarshal.AsBytes(data).ToArray()));
        return value;
    }

    /// <summary>A number.</summary>
    public Value Scalar<T>(T value)
        where T : unmanaged => Constant<T>([value]);

    /// <summary>A number of a given element type.</summary>
    public Value Number(double value, TensorElementType type) => type switch
    {
        TensorElementType.Float => Scalar((float)value),
        TensorElementType.Double => Scalar(value),
        TensorElementType.Int64 => Scalar((long)value),
        TensorElementType.Int32 => Scalar((int)value),
        TensorElementType.Float16 => Scalar((Half)value),
        TensorElementType.BFloat16 => Scalar((BFloat16)(float)value),
        _ => throw new NotSupportedException($"Arithmetic with numbers works on floats, doubles and whole numbers of 32 and 64 bits, not on {type}."),
    };

    /// <summary>A one-dimensional tensor of whole numbers, such as a shape, axes or sizes.</summary>
    public Value Int64s(params long[] values) => Constant<long>(values, values.Length);

    /// <summary>A tensor in the weights file beside the graph, read from <paramref name="read"/> when the file is written.</summary>
    public Value Weight(string weightName, TensorElementType type, long[] shape, Func<ReadOnlyMemory<byte>> read)
    {
        var value = Named(weightName, type);
        Initializers.Add(Initializer.External(value, shape, read));
        return value;
    }

    /// <summary>An operator with one output of the same element type as its first input, unless <paramref name="type"/> says otherwise.</summary>
    public Value Op(string opType, Value[] inputs, TensorElementType? type = null, params Attr[] attributes) =>
        Ops(opType, inputs, [type ?? inputs[0].Type], attributes)[0];

    /// <summary>An operator with several outputs; one of type Unknown is left out.</summary>
    public Value[] Ops(string opType, Value[] inputs, TensorElementType[] types, params Attr[] attributes) =>
        Append("", opType, inputs, types, attributes);

    /// <summary>An operator of ONNX Runtime's own set (<c>com.microsoft</c>) with one output.</summary>
    public Value Microsoft(string opType, Value[] inputs, TensorElementType? type = null, params Attr[] attributes) =>
        Microsofts(opType, inputs, [type ?? inputs[0].Type], attributes)[0];

    /// <summary>An operator of ONNX Runtime's own set with several outputs; one of type Unknown is left out.</summary>
    public Value[] Microsofts(string opType, Value[] inputs, TensorElementType[] types, params Attr[] attributes) =>
        Append(Node.MicrosoftDomain, opType, inputs, types, attributes);

    /// <summary>A value that every run can return, under a name of its own.</summary>
    public void Output(string outputName, Value value, params Dim[] shape)
    {
        var output = Named(outputName, value.Type);
        Nodes.Add(new Node("", "Identity", [value], [output], []));
        Outputs.Add((output, shape));
    }

    private Value[] Append(string domain, string opType, Value[] inputs, TensorElementType[] types, Attr[] attributes)
    {
        var outputs = Array.ConvertAll(types, type => type == TensorElementType.Unknown ? None : Named(Numbered(opType), type));
        Nodes.Add(new Node(domain, opType, inputs, outputs, attributes));
        return outputs;
    }

    private Value Named(string valueName, TensorElementType type) =>
        names.Add(valueName)
            ? new Value(this, valueName, type)
            : throw new ArgumentException($"The graph {Name} has a value named {valueName} already.", nameof(valueName));

    private string Numbered(string stem) => $"{prefix}{stem}_{numbered++}";
}

/// <summary>A size: a number, or a name for one that the request decides.</summary>
public readonly record struct Dim(long Size, string? Symbol)
{
    /// <summary>A size that the request decides, without a name.</summary>
    public static Dim Any => new(-1, null);

    public static implicit operator Dim(long size) => new(size, null);

    public static implicit operator Dim(string symbol) => new(0, symbol);
}

internal sealed record Node(string Domain, string OpType, Value[] Inputs, Value[] Outputs, Attr[] Attributes)
{
    public const string MicrosoftDomain = "com.microsoft";
}

internal sealed record Initializer(Value Value, long[] Shape, byte[]? Data, Func<ReadOnlyMemory<byte>>? Read)
{
    public static Initializer Inline(Value value, long[] shape, byte[] data)
    {
        CheckLength(value, shape, data.Length);
        return new Initializer(value, shape, data, null);
    }

    public static Initializer External(Value value, long[] shape, Func<ReadOnlyMemory<byte>> read) => new(value, shape, null, read);

    /// <summary>Bytes of a tensor.</summary>
    public static long LengthOf(Value value, long[] shape) =>
        shape.Aggregate((long)TensorElementTypes.SizeOf(value.Type), (product, dimension) => checked(product * dimension));

    public static void CheckLength(Value value, long[] shape, long bytes)
    {
        var expected = LengthOf(value, shape);
        if (bytes != expected)
        {
            throw new ArgumentException($"{value.Name} of shape [{string.Join(", ", shape)}] needs {expected} bytes of {value.Type}, but got {bytes}.");
        }
    }
}
