using System.Runtime.InteropServices;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Onnx;
using I2V.Tests.Inference.Native;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>A package with a network of a few units, whose tensors skip units.</summary>
internal static class UnitSamples
{
    public const string Component = "net";
    public const int Width = 4;

    public static ModelPackage Write(string folder, Func<ModelComponent, ModelComponent>? change = null) => Write(folder, Chain(), change);

    /// <summary>The graph whole and in units, over one weights file.</summary>
    public static ModelPackage Write(string folder, Graph graph, Func<ModelComponent, ModelComponent>? change = null)
    {
        OnnxFile.Write(graph, Path.Combine(folder, "graph.onnx"));
        var layout = new WeightsLayout(graph, "graph.weights");
        var cut = GraphUnits.Cut(graph);
        foreach (var unit in cut)
        {
            File.WriteAllBytes(Path.Combine(folder, $"{unit.Name}.onnx"), OnnxFile.ToBytes(unit.Graph, layout));
        }

        var component = new ModelComponent("graph.onnx", "portable", OnnxFile.WeightBytes(graph))
        {
            Inputs = graph.Described,
            Units = [.. cut.Select(unit => new ComponentUnit(unit.Name, $"{unit.Name}.onnx", unit.WeightBytes) { Inputs = unit.Graph.Described, Outputs = unit.Outputs })],
        };
        var changed = change is null ? component : change(component);
        return PackageSamples.Write(
            folder, manifest => manifest with { Components = new Dictionary<string, ModelComponent> { [Component] = changed } }, File.ReadAllBytes(Path.Combine(folder, "graph.onnx")))();
    }

    /// <summary>
    /// x [b·f, 4] → y [b, f, 4] and a side output. Five units: the first one's result is taken by the third and the last,
    /// the second one's by the caller as well.
    /// </summary>
    public static Graph Chain()
    {
        var graph = new Graph("chain");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any, Width);
        graph.BeginUnit("stem");
        var stem = x * Weight(graph, "stem_w", 0.75f);
        graph.BeginUnit("middle");
        var middle = stem + Weight(graph, "middle_w", -1.5f);
        graph.Output("side", middle, Dim.Any, Width);
        graph.BeginUnit("product");
        var product = stem * middle;
        graph.BeginUnit("shape");
        var shaped = product.Reshape(graph.Sizes("b, f, 4")) * Weight(graph, "shape_w", 3.25f);
        graph.BeginUnit("tail");
        graph.Output("y", shaped + stem.Reshape(graph.Sizes("b, f, 4")), Dim.Any, Dim.Any, Width);
        return graph;
    }

    /// <summary>start [width] → start + 5 in one unit, + 1 + 2 + … + trips = y in the next.</summary>
    public static ModelPackage WriteLoop(string folder, int width)
    {
        var first = new Graph("first");
        first.Output("x", first.Input("start", TensorElementType.Float, width) + 5, width);
        File.WriteAllBytes(Path.Combine(folder, "second.onnx"), TestGraphs.Loop(width));
        var component = new ModelComponent("graph.onnx", "portable", 0)
        {
            Inputs = [new GraphInput("start", "tensor"), new GraphInput("trips", "tensor")],
            Units =
            [
                new ComponentUnit("first", "graph.onnx", 0) { Inputs = [new GraphInput("start", "tensor")], Outputs = ["x"] },
                new ComponentUnit("second", "second.onnx", 0) { Inputs = [new GraphInput("trips", "tensor"), new GraphInput("x", "tensor")], Outputs = ["y"] },
            ],
        };
        return PackageSamples.Write(
            folder, manifest => manifest with { Components = new Dictionary<string, ModelComponent> { [Component] = component } }, OnnxFile.ToBytes(first))();
    }

    private static Value Weight(Graph graph, string name, float first)
    {
        float[] values = [first, first / 3, first * 7, -first];
        return graph.Weight(name, TensorElementType.Float, [Width], () => MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }
}
