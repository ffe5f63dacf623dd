using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Onnx;

namespace I2V.Tests.ModelBuilder;

public sealed class GraphUnitsTests
{
    [Fact]
    public void Each_unit_takes_what_it_uses_and_gives_what_others_use()
    {
        var units = GraphUnits.Cut(ThreeUnits());

        Assert.Equal(["double", "plain", "end"], units.Select(unit => unit.Name));
        Assert.Equal(["x", "shape:2,h/2"], Inputs(units[0]));
        Assert.Equal(["Reshape_2"], units[0].Outputs);
        Assert.Equal(["Reshape_2"], Inputs(units[1]));
        Assert.Equal(["y"], Inputs(units[2]).Except(["Reshape_2", "Add_3"]));
        Assert.Equal(["z"], units[2].Outputs);
    }

    [Fact]
    public void Sizes_that_follow_from_the_request_keep_their_formulas()
    {
        var units = GraphUnits.Cut(ThreeUnits());

        Assert.Equal([new GraphInput("x", "tensor"), new GraphInput("shape:2,h/2", "shape", "2, h/2")], units[0].Graph.Described);
        Assert.All(units[2].Graph.Described, input => Assert.Equal("tensor", input.Kind));
    }

    [Fact]
    public void A_value_without_a_rank_is_a_graph_s_input_and_output()
    {
        using var first = new InferenceSession(OnnxFile.ToBytes(GraphUnits.Cut(ThreeUnits())[0].Graph));
        using var x = OrtValue.CreateTensorValueFromMemory<float>([1, 2, 3, 4], [4]);
        using var shape = OrtValue.CreateTensorValueFromMemory<long>([2, 2], [2]);
        using var doubled = first.Run(null, new Dictionary<string, OrtValue> { ["x"] = x, ["shape:2,h/2"] = shape }, ["Reshape_2"], TestContext.Current.CancellationToken);
        Assert.Equal([2, 2], doubled[0].GetTensorTypeAndShape().Shape);

        using var second = new InferenceSession(OnnxFile.ToBytes(GraphUnits.Cut(ThreeUnits())[1].Graph));
        using var sum = second.Run(null, new Dictionary<string, OrtValue> { ["Reshape_2"] = doubled[0] }, second.OutputNames, TestContext.Current.CancellationToken);
        Assert.Equal([4, 8, 12, 16], sum[0].GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public void A_graph_without_units_is_not_cut()
    {
        var graph = new Graph("plain");
        graph.Output("y", graph.Input("x", TensorElementType.Float, 1) + 1, 1);

        Assert.Empty(GraphUnits.Cut(graph));
    }

    [Fact]
    public void Operators_before_the_first_unit_are_refused()
    {
        var graph = new Graph("late");
        _ = graph.Input("x", TensorElementType.Float, 1) + 1;

        Assert.Equal("The graph late has 1 operators before its first unit u: begin a unit before them.", Assert.Throws<InvalidOperationException>(() => graph.BeginUnit("u")).Message);
    }

    [Fact]
    public void A_graph_with_a_loop_is_not_cut()
    {
        var graph = new Graph("looping");
        graph.BeginUnit("u");
        var body = new Graph("round", graph);
        body.Input("number", TensorElementType.Int64);
        body.Output("go_on", body.Input("more", TensorElementType.Bool));
        graph.Output("y", graph.Op("Loop", [graph.Scalar(1L), graph.Scalar(true)], TensorElementType.Bool, Attr.Graph("body", body)));

        Assert.Contains("its operator Loop has a body", Assert.Throws<NotSupportedException>(() => GraphUnits.Cut(graph)).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Inputs(GraphUnit unit) => unit.Graph.Described.Select(input => input.Name);

    /// <summary>x [h], y [2, h/2] → z = 2·x reshaped, twice that, and y together.</summary>
    private static Graph ThreeUnits()
    {
        var graph = new Graph("three");
        var x = graph.Input("x", TensorElementType.Float, "h");
        var y = graph.Input("y", TensorElementType.Float, 2, Dim.Any);
        graph.BeginUnit("double");
        var doubled = (2 * x).Reshape(graph.Sizes("2, h/2"));
        graph.BeginUnit("plain");
        var sum = doubled + doubled;
        graph.BeginUnit("end");
        graph.Output("z", doubled + sum + y, 2, Dim.Any);
        return graph;
    }
}
