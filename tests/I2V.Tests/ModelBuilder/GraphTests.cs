using I2V.Inference.Native;
using I2V.ModelBuilder.Onnx;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Native;

namespace I2V.Tests.ModelBuilder;

public sealed class GraphTests
{
    [Fact]
    public void Arithmetic_on_values_is_arithmetic_in_the_runtime()
    {
        var graph = new Graph("arithmetic");
        var x = graph.Input("x", TensorElementType.Float, "n");
        graph.Output("y", ((2 * x) - 1) / ((x + 1) * 4) + (1 - (x / 2)), "n");
        using var session = new InferenceSession(OnnxFile.ToBytes(graph));
        using var values = TestGraphs.Tensor<float>([1, 3]);

        Assert.Equal([(1 / 8f) + 0.5f, (5 / 16f) - 0.5f], session.Run<float>(("x", values)));
    }

    [Fact]
    public void Shapes_are_values_too()
    {
        var graph = new Graph("shapes");
        var x = graph.Input("x", TensorElementType.Float, "a", "b");
        var swapped = x.Transpose(1, 0);
        graph.Output("y", swapped.Unsqueeze(0).Expand(graph.Op("Concat", [graph.Int64s(2), swapped.Shape()], null, Attr.Int("axis", 0))), 2, "b", "a");
        graph.Output("rows", x.Shape().At(0));
        using var session = new InferenceSession(OnnxFile.ToBytes(graph));
        using var values = TestGraphs.Tensor<float>([1, 2, 3, 4, 5, 6], 2, 3);
        using var outputs = session.Run(null, new Dictionary<string, OrtValue> { ["x"] = values }, ["rows", "y"], TestContext.Current.CancellationToken);

        Assert.Equal([2], outputs[0].GetTensorDataAsSpan<long>().ToArray());
        Assert.Equal([1, 4, 2, 5, 3, 6, 1, 4, 2, 5, 3, 6], outputs[1].GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public void An_optional_input_can_be_left_out()
    {
        var graph = new Graph("clip");
        graph.Output("y", graph.Op("Clip", [graph.Input("x", TensorElementType.Float, 3), graph.None, graph.Scalar(2f)]), 3);
        using var session = new InferenceSession(OnnxFile.ToBytes(graph));
        using var values = TestGraphs.Tensor<float>([-5, 1, 9]);

        Assert.Equal([-5, 1, 2], session.Run<float>(("x", values)));
    }

    [Fact]
    public void Attributes_of_every_kind_reach_the_operator()
    {
        var graph = new Graph("attributes");
        var x = graph.Input("x", TensorElementType.Float, 1, 1, 2, 2);
        var relu = graph.Op("LeakyRelu", [x], null, Attr.Float("alpha", 0.5f));
        var padded = graph.Op("Pad", [relu, graph.Int64s(0, 0, 1, 0, 0, 0, 0, 0)], null, Attr.String("mode", "edge"));
        graph.Output("y", graph.Op("ReduceSum", [padded, graph.Int64s(3)], null, Attr.Int("keepdims", 0)), 1, 1, 3);
        using var session = new InferenceSession(OnnxFile.ToBytes(graph));
        using var values = TestGraphs.Tensor<float>([-2, 1, 3, 4], 1, 1, 2, 2);

        Assert.Equal([0, 0, 7], session.Run<float>(("x", values)));
    }

    [Fact]
    public void Two_values_of_one_name_are_refused_while_the_graph_is_written()
    {
        var graph = new Graph("names");
        graph.Input("x", TensorElementType.Float, 1);

        Assert.Throws<ArgumentException>(() => graph.Input("x", TensorElementType.Float, 1));
    }

    [Fact]
    public void A_constant_or_weight_whose_bytes_do_not_fit_its_shape_is_refused()
    {
        using var folder = new TemporaryFolder();
        var graph = new Graph("sizes");
        Assert.Throws<ArgumentException>(() => graph.Constant<float>([1, 2, 3], 2, 2));
        graph.Output("y", graph.Weight("w", TensorElementType.Float16, [3], () => new byte[5]), 3);

        var error = Assert.Throws<ArgumentException>(() => OnnxFile.Write(graph, folder.File("model.onnx")));

        Assert.Equal("w of shape [3] needs 6 bytes of Float16, but got 5.", error.Message);
    }

    [Fact]
    public void A_graph_with_weights_outside_cannot_be_one_file()
    {
        var graph = new Graph("outside");
        graph.Output("y", graph.Weight("w", TensorElementType.Float, [1], () => new byte[4]), 1);

        Assert.Throws<InvalidOperationException>(() => OnnxFile.ToBytes(graph));
    }
}
