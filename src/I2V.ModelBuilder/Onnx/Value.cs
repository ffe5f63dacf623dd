using System.Diagnostics.CodeAnalysis;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Onnx;

/// <summary>A tensor in a graph. Arithmetic on it appends operators to the graph that made its left side.</summary>
[SuppressMessage("Usage", "CA2225", Justification = "The operators are the language; Op is the named form.")]
public sealed class Value
{
    internal Value(Graph graph, string name, TensorElementType type) => (Graph, Name, Type) = (graph, name, type);

    public string Name { get; }

    public TensorElementType Type { get; }

    internal Graph Graph { get; }

    public static Value operator +(Value left, Value right) => left.Graph.Op("Add", [left, right]);

    public static Value operator -(Value left, Value right) => left.Graph.Op("Sub", [left, right]);

    public static Value operator *(Value left, Value right) => left.Graph.Op("Mul", [left, right]);

    public static Value operator /(Value left, Value right) => left.Graph.Op("Div", [left, right]);

    public static Value operator +(Value left, double right) => left + left.Graph.Number(right, left.Type);

    public static Value operator -(Value left, double right) => left - left.Graph.Number(right, left.Type);

    public static Value operator *(Value left, double right) => left * left.Graph.Number(right, left.Type);

    public static Value operator /(Value left, double right) => left / left.Graph.Number(right, left.Type);

    public static Value operator +(double left, Value right) => right.Graph.Number(left, right.Type) + right;

    public static Value operator -(double left, Value right) => right.Graph.Number(left, right.Type) - right;

    public static Value operator *(double left, Value right) => right.Graph.Number(left, right.Type) * right;

    public static Value operator /(double left, Value right) => right.Graph.Number(left, right.Type) / right;

    public Value Cast(TensorElementType to) => Graph.Op("Cast", [this], to, Attr.Int("to", (long)to));

    /// <summary>The tensor's sizes, as whole numbers.</summary>
    public Value Shape() => Graph.Op("Shape", [this], TensorElementType.Int64);

    /// <summary>One entry of a one-dimensional tensor, as a scalar.</summary>
    public Value At(long index) => Graph.Op("Gather", [this, Graph.Scalar(index)]);

    /// <summary>Several neighbouring entries of a one-dimensional tensor.</summary>
    public Value Range(long start, long end) => Graph.Op("Slice", [this, Graph.Int64s(start), Graph.Int64s(end)]);

    /// <summary>With a dimension of size 1 at each of the axes.</summary>
    public Value Unsqueeze(params long[] axes) => Graph.Op("Unsqueeze", [this, Graph.Int64s(axes)]);

    public Value Reshape(Value shape) => Graph.Op("Reshape", [this, shape]);

    public Value Expand(Value shape) => Graph.Op("Expand", [this, shape]);

    public Value Transpose(params long[] order) => Graph.Op("Transpose", [this], null, Attr.Ints("perm", order));

    public override string ToString() => $"{Name}: {Type}";
}
