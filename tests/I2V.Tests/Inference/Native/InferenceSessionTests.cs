using I2V.Inference.Native;
using I2V.ModelBuilder.Onnx;

namespace I2V.Tests.Inference.Native;

public sealed class InferenceSessionTests
{
    [Fact]
    public void The_library_behind_the_binding_says_the_version_we_were_written_for()
    {
        Assert.StartsWith("1.30.", OrtEnv.GetVersionString(), StringComparison.Ordinal);
        Assert.True(File.Exists(NativeLibraryLocation.LoadedFile));
    }

    [Fact]
    public void A_session_from_bytes_describes_its_inputs_and_outputs_and_runs()
    {
        using var session = new InferenceSession(TestGraphs.Affine());
        using var x = TestGraphs.Tensor<float>([1, 2, 3, 4, 5, 6], 2, 3);

        Assert.Equal(["x"], session.InputNames);
        Assert.Equal(["y"], session.OutputNames);
        Assert.Equal(TensorElementType.Float, session.InputMetadata["x"].ElementDataType);
        Assert.Equal([-1, 3], session.InputMetadata["x"].Dimensions);
        Assert.Equal(["batch", ""], session.InputMetadata["x"].SymbolicDimensions);
        Assert.Equal([-1, 3], session.OutputMetadata["y"].Dimensions);
        Assert.Equal([3, 5, 7, 9, 11, 13], session.Run<float>(("x", x)));
    }

    [Fact]
    public void A_session_from_a_file_finds_its_external_weights_on_their_pages()
    {
        using var folder = new TemporaryFolder();
        float[] first = [1, 2, 3];
        float[] second = [10, 20, 30];
        var graph = new Graph("weights");
        var x = graph.Input("x", TensorElementType.Float, 3);
        var a = graph.Weight("a", TensorElementType.Float, [3], () => System.Runtime.InteropServices.MemoryMarshal.AsBytes(first.AsSpan()).ToArray());
        var b = graph.Weight("b", TensorElementType.Float, [3], () => System.Runtime.InteropServices.MemoryMarshal.AsBytes(second.AsSpan()).ToArray());
        graph.Output("y", (x * a) + b, 3);

        var bytes = OnnxFile.Write(graph, folder.File("model.onnx"));

        Assert.Equal(4096 + 12, bytes);
        Assert.Equal(bytes, new FileInfo(folder.File("model.weights")).Length);
        using var session = new InferenceSession(folder.File("model.onnx"));
        using var ones = TestGraphs.Tensor<float>([1, 1, 1]);
        Assert.Equal([11, 22, 33], session.Run<float>(("x", ones)));
    }

    [Fact]
    public void Cut_off_external_weights_are_an_error_with_a_code()
    {
        using var folder = new TemporaryFolder();
        var graph = new Graph("weights");
        var w = graph.Weight("w", TensorElementType.Float, [1000], () => new byte[4000]);
        graph.Output("y", w + graph.Input("x", TensorElementType.Float, 1000), 1000);
        OnnxFile.Write(graph, folder.File("model.onnx"));
        File.WriteAllBytes(folder.File("model.weights"), new byte[100]);

        var error = Assert.Throws<OrtException>(() => new InferenceSession(folder.File("model.onnx")));

        Assert.NotEqual(OrtErrorCode.Ok, error.ErrorCode);
        Assert.Equal("CreateSession", error.Call);
    }

    [Fact]
    public void A_missing_file_and_a_file_that_is_no_model_have_their_own_codes()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("text.onnx"), "this is not a model");

        Assert.Equal(OrtErrorCode.NoSuchFile, Assert.Throws<OrtException>(() => new InferenceSession(folder.File("none.onnx"))).ErrorCode);
        Assert.Equal(OrtErrorCode.InvalidProtobuf, Assert.Throws<OrtException>(() => new InferenceSession(folder.File("text.onnx"))).ErrorCode);
        Assert.Equal(OrtErrorCode.InvalidProtobuf, Assert.Throws<OrtException>(() => new InferenceSession("not a model either"u8)).ErrorCode);
    }

    [Fact]
    public void A_graph_with_an_operator_that_does_not_exist_is_refused_with_a_code()
    {
        var graph = new Graph("wrong");
        graph.Output("y", graph.Op("NoSuchOperator", [graph.Input("x", TensorElementType.Float, 1)]), 1);

        var error = Assert.Throws<OrtException>(() => new InferenceSession(OnnxFile.ToBytes(graph)));

        Assert.Equal(OrtErrorCode.InvalidGraph, error.ErrorCode);
        Assert.Contains("NoSuchOperator", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_name_shape_or_type_is_an_invalid_argument()
    {
        using var session = new InferenceSession(TestGraphs.Affine());
        using var good = TestGraphs.Tensor<float>([1, 2, 3], 1, 3);
        using var wrongShape = TestGraphs.Tensor<float>([1, 2], 1, 2);
        using var wrongType = TestGraphs.Tensor<long>([1, 2, 3], 1, 3);

        foreach (var (name, value) in ((string, OrtValue)[])[("z", good), ("x", wrongShape), ("x", wrongType)])
        {
            Assert.Equal(OrtErrorCode.InvalidArgument, Assert.Throws<OrtException>(() => session.Run<float>((name, value))).ErrorCode);
        }
    }

    [Fact]
    public async Task Runs_of_one_session_may_go_on_at_the_same_time()
    {
        using var session = new InferenceSession(TestGraphs.Affine());

        await Parallel.ForAsync(0, 200, TestContext.Current.CancellationToken, (i, _) =>
        {
            using var x = TestGraphs.Tensor<float>([i, i, i], 1, 3);
            Assert.Equal([(2 * i) + 1, (2 * i) + 1, (2 * i) + 1], session.Run<float>(("x", x)));
            return ValueTask.CompletedTask;
        });
    }

    [Fact]
    public void A_disposed_session_says_so_and_disposing_twice_is_harmless()
    {
        var session = new InferenceSession(TestGraphs.Affine());
        using var x = TestGraphs.Tensor<float>([1, 2, 3], 1, 3);
        session.Dispose();
        session.Dispose();

        Assert.Throws<ObjectDisposedException>(() => session.Run<float>(("x", x)));
        Assert.Throws<ObjectDisposedException>(session.CreateIoBinding);
    }

    [Fact]
    public void Options_reach_the_session_and_read_back()
    {
        using var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.Basic,
            ExecutionMode = ExecutionMode.Parallel,
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            EnableCpuMemArena = false,
            EnableMemoryPattern = false,
            LogId = "test",
            LogSeverityLevel = OrtLoggingLevel.Error,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddFreeDimensionOverrideByName("batch", 2);

        Assert.Equal("0", options.GetSessionConfigEntry("session.intra_op.allow_spinning"));
        Assert.Null(options.GetSessionConfigEntry("session.never_set"));
        using var session = new InferenceSession(TestGraphs.Affine(), options);
        Assert.Equal([2, 3], session.InputMetadata["x"].Dimensions);
    }

    [Fact]
    public void The_share_of_operators_on_each_provider_is_known_when_asked_for_at_load()
    {
        using var options = new SessionOptions();
        options.AddSessionConfigEntry("session.record_ep_graph_assignment_info", "1");
        using var session = new InferenceSession(TestGraphs.Affine(), options);
        using var unasked = new InferenceSession(TestGraphs.Affine());

        var share = Assert.Single(session.GetProviderShares());

        Assert.Equal("CPUExecutionProvider", share.ProviderName);
        Assert.InRange(share.Nodes, 1, 3);
        Assert.Throws<OrtException>(unasked.GetProviderShares);
    }

    [Fact]
    public void A_text_with_a_zero_character_never_reaches_the_library()
    {
        using var options = new SessionOptions();

        Assert.Throws<ArgumentException>(() => options.AddSessionConfigEntry("a\0b", "1"));
        Assert.Throws<ArgumentException>(() => new InferenceSession("model\0.onnx"));
    }

    [Fact]
    public void The_allocator_of_a_session_counts_its_bytes()
    {
        using var session = new InferenceSession(TestGraphs.Affine());
        using var allocator = new OrtAllocator(session, OrtMemoryInfo.DefaultInstance);
        using var held = OrtValue.CreateAllocatedTensorValue(allocator, TensorElementType.Float, [1 << 20]);

        var stats = allocator.GetStats();

        Assert.True(long.Parse(stats["InUse"], System.Globalization.CultureInfo.InvariantCulture) >= 4 << 20);
        Assert.True(long.Parse(stats["MaxInUse"], System.Globalization.CultureInfo.InvariantCulture) >= 4 << 20);
        Assert.Equal(4 << 20, held.SizeInBytes);
    }
}
