using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Onnx;
using I2V.Tests.Inference.Native;

namespace I2V.Tests.Inference.Pipelines;

public sealed class NetworkTests : IDisposable
{
    private static readonly Dictionary<string, long> None = [];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Sizes_are_filled_in_from_the_request()
    {
        using var network = Load(Sized());
        using var x = TestGraphs.Tensor([1f, 2f, 3f, 4f, 5f, 6f], 6);

        foreach (var (b, f) in ((long, long)[])[(2, 3), (3, 2), (1, 6), (6, 1), (2, 3)])
        {
            var outputs = network.Run(new Dictionary<string, long> { ["b"] = b, ["f"] = f }, Inputs(("x", x)), [("rows", Place.Host)], Ct);
            using var rows = Assert.Single(outputs);

            Assert.Equal([b, f], rows.GetTensorTypeAndShape().Shape);
            Assert.Equal([1f, 2f, 3f, 4f, 5f, 6f], rows.GetTensorDataAsSpan<float>().ToArray());
        }
    }

    [Fact]
    public void Sizes_come_back_after_more_others_than_are_kept()
    {
        using var network = Load(Sized());
        for (var round = 0; round < 2; round++)
        {
            for (var b = 1; b <= 12; b++)
            {
                using var x = TestGraphs.Tensor(new float[12 * b], 12 * b);
                using var rows = network.Run(new Dictionary<string, long> { ["b"] = b, ["f"] = 12 }, Inputs(("x", x)), [("rows", Place.Host)], Ct)[0];
                Assert.Equal([b, 12], rows.GetTensorTypeAndShape().Shape);
            }
        }
    }

    [Fact]
    public void Outputs_come_in_the_order_asked_for_wherever_they_lie()
    {
        var graph = new Graph("two");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any);
        graph.Output("plus", x + 1, Dim.Any);
        graph.Output("twice", x * 2, Dim.Any);
        using var network = Load(graph);
        using var tensor = TestGraphs.Tensor([5f]);

        var outputs = network.Run(None, Inputs(("x", tensor)), [("twice", Place.Device), ("plus", Place.Host)], Ct);

        Assert.Equal([10f, 6f], outputs.Select(output => output.GetTensorDataAsSpan<float>()[0]));
        Release(outputs);
    }

    [Fact]
    public void An_output_feeds_the_next_network_as_it_is()
    {
        using var first = Load(Sized());
        using var second = Load(Sized(), "second");
        var sizes = new Dictionary<string, long> { ["b"] = 1, ["f"] = 2 };
        using var x = TestGraphs.Tensor([1f, 2f], 2);
        using var rows = first.Run(sizes, Inputs(("x", x)), [("flat", Place.Device)], Ct)[0];

        using var again = second.Run(sizes, Inputs(("x", rows)), [("flat", Place.Host)], Ct)[0];

        Assert.Equal([1f, 2f], again.GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public void Parts_are_split_where_the_formula_says()
    {
        var graph = new Graph("parts");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any);
        var parts = graph.Ops("Split", [x, graph.Parts("b, f*2")], [TensorElementType.Float, TensorElementType.Float], Attr.Int("axis", 0));
        graph.Output("first", parts[0], Dim.Any);
        graph.Output("second", parts[1], Dim.Any);
        using var network = Load(graph);
        using var tensor = TestGraphs.Tensor([1f, 2f, 3f, 4f, 5f]);

        var outputs = network.Run(new Dictionary<string, long> { ["b"] = 1, ["f"] = 2 }, Inputs(("x", tensor)), [("first", Place.Host), ("second", Place.Host)], Ct);

        Assert.Equal([1f], outputs[0].GetTensorDataAsSpan<float>().ToArray());
        Assert.Equal([2f, 3f, 4f, 5f], outputs[1].GetTensorDataAsSpan<float>().ToArray());
        Release(outputs);

        var error = Refusal(() => network.Run(new Dictionary<string, long> { ["b"] = 0, ["f"] = 2 }, Inputs(("x", tensor)), [("first", Place.Host)], Ct));
        Assert.Equal("The network net of the model sample cannot run: The parts b, f*2 are 0, 4, but each must have a row.", error.Message);
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(88)]
    [InlineData(8)]
    [InlineData(33)]
    public void The_pool_matrix_averages_as_adaptive_pooling_does(int size)
    {
        var graph = new Graph("pool");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any, 1);
        graph.Output("pooled", graph.Op("MatMul", [graph.PoolMatrix("h"), x]), 32, 1);
        using var network = Load(graph);
        var column = Enumerable.Range(0, size).Select(i => (float)(i * i % 17)).ToArray();
        using var tensor = TestGraphs.Tensor(column, size, 1);

        using var pooled = network.Run(new Dictionary<string, long> { ["h"] = size }, Inputs(("x", tensor)), [("pooled", Place.Host)], Ct)[0];

        var expected = Enumerable.Range(0, 32).Select(row => column[(row * size / 32)..(int)Math.Ceiling((row + 1) * size / 32.0)].Average());
        Assert.All(expected.Zip(pooled.GetTensorDataAsSpan<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void A_size_without_a_value_and_one_that_does_not_divide_are_named()
    {
        var graph = new Graph("half");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any);
        graph.Output("y", graph.Op("Reshape", [x, graph.Sizes("h/2, 2")]), Dim.Any, 2);
        using var network = Load(graph);
        using var tensor = TestGraphs.Tensor([1f, 2f]);

        var missing = Refusal(() => network.Run(None, Inputs(("x", tensor)), [("y", Place.Host)], Ct));
        var odd = Refusal(() => network.Run(new Dictionary<string, long> { ["h"] = 3 }, Inputs(("x", tensor)), [("y", Place.Host)], Ct));

        Assert.Contains("needs a size named h", missing.Message, StringComparison.Ordinal);
        Assert.Contains("needs h to be a multiple of 2, but it is 3", odd.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_of_another_name_type_or_shape_are_refused_with_what_is_wanted()
    {
        using var network = Load(Affine());
        using var good = TestGraphs.Tensor(new float[6], 2, 3);
        using var wide = TestGraphs.Tensor(new float[8], 2, 4);
        using var flat = TestGraphs.Tensor(new float[3], 3);
        using var doubles = TestGraphs.Tensor(new double[6], 2, 3);

        Assert.Equal("it needs the inputs x, but was given z", Problem(("z", good)));
        Assert.Equal("it needs the inputs x, but was given x, z", Problem(("x", good), ("z", good)));
        Assert.Equal("it needs the inputs x, but was given none", Problem());
        Assert.Equal("its input x is Float [any, 3], but was given Float [2, 4]", Problem(("x", wide)));
        Assert.Equal("its input x is Float [any, 3], but was given Float [3]", Problem(("x", flat)));
        Assert.Equal("its input x is Float [any, 3], but was given Double [2, 3]", Problem(("x", doubles)));
        var output = Refusal(() => network.Run(None, Inputs(("x", good)), [("none", Place.Host)], Ct));
        Assert.Equal("The network net of the model sample cannot run: it has no output none; it has y.", output.Message);

        string Problem(params (string, OrtValue)[] inputs)
        {
            var message = Refusal(() => network.Run(None, Inputs(inputs), [("y", Place.Host)], Ct)).Message;
            Assert.StartsWith("The network net of the model sample cannot run: ", message, StringComparison.Ordinal);
            return message["The network net of the model sample cannot run: ".Length..^1];
        }
    }

    [Fact]
    public void A_run_that_fails_leaves_the_network_usable()
    {
        using var network = Load(Sized());
        using var x = TestGraphs.Tensor(new float[6], 6);

        var error = Refusal(() => network.Run(new Dictionary<string, long> { ["b"] = 2, ["f"] = 2 }, Inputs(("x", x)), [("rows", Place.Host)], Ct));

        Assert.StartsWith("The network net of the model sample failed on cpu. ", error.Message, StringComparison.Ordinal);
        using var rows = network.Run(new Dictionary<string, long> { ["b"] = 2, ["f"] = 3 }, Inputs(("x", x)), [("rows", Place.Host)], Ct)[0];
        Assert.Equal([2, 3], rows.GetTensorTypeAndShape().Shape);
    }

    [Fact]
    public async Task A_run_ends_in_its_middle_when_it_is_cancelled()
    {
        using var package = new TemporaryFolder();
        using var network = Network.Load(PackageSamples.Write(package.Path, manifest => manifest, TestGraphs.Loop(1 << 14))(), "net", new DeviceOptions());
        using var trips = TestGraphs.Scalar(long.MaxValue);
        using var x = TestGraphs.Tensor(new float[1 << 14]);
        using var cancel = new CancellationTokenSource();
        var run = Task.Run(() => network.Run(None, Inputs(("trips", trips), ("x", x)), [("y", Place.Host)], cancel.Token));

        cancel.CancelAfter(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public void A_manifest_that_describes_another_graph_is_refused()
    {
        var error = Refusal(() => Load(Affine(), inputs: [new GraphInput("x", "tensor"), new GraphInput("shape:b", "shape", "b")]));

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.Equal("The network net of the model sample cannot be used: the manifest lists the inputs shape:b, x, the graph has x.", error.Message);
    }

    [Theory]
    [InlineData("shape", "b+1", "'b+1' in the formula 'b+1' is neither a number nor a name nor a name/number")]
    [InlineData("shape", null, "the input x is of the kind shape, which needs a formula")]
    [InlineData("sideways", "b", "the input x is of the unknown kind sideways; known are tensor, shape, split and pool_matrix")]
    [InlineData("pool_matrix", "b, 2", "the input x is a pool_matrix, whose formula has one entry, not 2")]
    public void A_manifest_with_an_input_that_nobody_can_fill_is_refused(string kind, string? formula, string problem)
    {
        var error = Refusal(() => Load(Affine(), inputs: [new GraphInput("x", kind, formula)]));

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.Equal($"The network net of the model sample cannot be used: {problem}.", error.Message);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>x [b·f] → rows [b, f] and flat [b·f].</summary>
    private static Graph Sized()
    {
        var graph = new Graph("sized");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any);
        var rows = graph.Op("Reshape", [x, graph.Sizes("b, f")]);
        graph.Output("rows", rows, Dim.Any, Dim.Any);
        graph.Output("flat", graph.Op("Reshape", [rows, graph.Sizes("b*f")]), Dim.Any);
        return graph;
    }

    private static Graph Affine()
    {
        var graph = new Graph("affine");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any, 3);
        graph.Output("y", (x * 2) + 1, Dim.Any, 3);
        return graph;
    }

    private Network Load(Graph graph, string subfolder = "first", IReadOnlyList<GraphInput>? inputs = null)
    {
        var path = Directory.CreateDirectory(folder.File(subfolder)).FullName;
        var component = new ModelComponent("graph.onnx", "portable", 0) { Inputs = inputs ?? graph.Described };
        var package = PackageSamples.Write(
            path, manifest => manifest with { Components = new Dictionary<string, ModelComponent> { ["net"] = component } }, OnnxFile.ToBytes(graph))();
        return Network.Load(package, "net", new DeviceOptions());
    }

    private static Dictionary<string, OrtValue> Inputs(params (string Name, OrtValue Value)[] inputs) =>
        inputs.ToDictionary(input => input.Name, input => input.Value);

    private static GenerationException Refusal(Action action) => Assert.Throws<GenerationException>(action);

    private static void Release(IReadOnlyList<OrtValue> outputs)
    {
        foreach (var output in outputs)
        {
            output.Dispose();
        }
    }
}
