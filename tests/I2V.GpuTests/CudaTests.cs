using System.Diagnostics;
using System.Globalization;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.ModelBuilder;
using I2V.ModelBuilder.Onnx;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Native;

namespace I2V.GpuTests;

/// <summary>What the binding does on a CUDA device; its logic is tested on the processor in I2V.Tests.</summary>
[Trait("Category", "Gpu")]
public sealed class CudaTests(ITestOutputHelper output)
{
    private static readonly OrtMemoryInfo DeviceMemory = new("Cuda", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);

    [Theory]
    [InlineData(TensorElementType.Float, 1e-5)]
    [InlineData(TensorElementType.Float16, 4e-3)]
    [InlineData(TensorElementType.BFloat16, 3e-2)]
    public void A_matrix_product_on_the_device_equals_the_one_on_the_processor(TensorElementType type, double tolerance)
    {
        var a = Values(64 * 96, seed: 1);
        var b = Values(96 * 48, seed: 2);

        // The processor has no bfloat16 product: it rounds the same inputs and multiplies in fp32.
        var expected = Run(Product(type, TensorElementType.Float), new SessionOptions(), a, b);
        var actual = Run(Product(type, type), Cuda(), a, b);

        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, tolerance * Math.Max(1, Math.Abs(pair.First))));
        Assert.True(expected.Max(Math.Abs) > 100 * tolerance, "The values are too small for the tolerance to say anything.");
    }

    [Fact]
    public void Every_node_of_a_graph_that_cuda_knows_runs_there()
    {
        var options = Cuda();
        options.AddSessionConfigEntry("session.record_ep_graph_assignment_info", "1");
        using var session = new InferenceSession(Product(TensorElementType.Float, TensorElementType.Float), options);

        var shares = session.GetProviderShares();

        Assert.Equal(["CUDAExecutionProvider"], shares.Select(share => share.ProviderName));
    }

    [Fact]
    public void A_bound_output_stays_on_the_device_and_feeds_the_next_run()
    {
        using var session = new InferenceSession(TestGraphs.Affine(), Cuda());
        using var binding = session.CreateIoBinding();
        using var x = TestGraphs.Tensor([1f, 2f, 3f], 1, 3);
        binding.BindInput("x", x);
        binding.BindOutputToDevice("y", DeviceMemory);
        session.RunWithBinding(null, binding, TestContext.Current.CancellationToken);
        binding.SynchronizeBoundOutputs();
        using var onDevice = binding.GetOutputValues()[0];
        Assert.False(onDevice.IsOnCpu);

        using var second = session.CreateIoBinding();
        second.BindInput("x", onDevice);
        second.BindOutputToDevice("y", OrtMemoryInfo.DefaultInstance);
        session.RunWithBinding(null, second, TestContext.Current.CancellationToken);
        second.SynchronizeBoundOutputs();
        using var result = second.GetOutputValues()[0];

        Assert.Equal([7f, 11f, 15f], result.GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public void The_devices_arena_reports_what_it_holds()
    {
        using var session = new InferenceSession(Product(TensorElementType.Float, TensorElementType.Float), Cuda());
        using var a = TestGraphs.Tensor(Values(64 * 96, 1), 64, 96);
        using var b = TestGraphs.Tensor(Values(96 * 48, 2), 96, 48);
        session.Run<float>(("a", a), ("b", b));

        using var allocator = new OrtAllocator(session, DeviceMemory);
        var stats = allocator.GetStats();

        Assert.True(long.Parse(stats["MaxInUse"], CultureInfo.InvariantCulture) >= 64 * 96 * sizeof(float), string.Join(", ", stats));
    }

    [Fact]
    public async Task A_run_on_the_device_stops_when_another_thread_cancels_it()
    {
        using var session = new InferenceSession(TestGraphs.Loop(1 << 20), Cuda());
        using var trips = TestGraphs.Scalar(50_000_000L);
        using var x = TestGraphs.Tensor(new float[1 << 20]);
        using var cancel = new CancellationTokenSource();
        var started = Stopwatch.GetTimestamp();
        var run = Task.Run(() => session.Run(null, new Dictionary<string, OrtValue> { ["trips"] = trips, ["x"] = x }, session.OutputNames, cancel.Token));

        cancel.CancelAfter(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        output.WriteLine($"Cancelled run ended after {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms, asked for at 200 ms.");
    }

    [Fact]
    public void The_motion_model_makes_the_same_film_on_the_device_as_on_the_processor()
    {
        using var folder = new TemporaryFolder();
        var package = ModelPackage.Open(MotionPackage.Build(folder.Path));
        var photo = PhotoSamples.Noise(640, 480);
        foreach (var prompt in (string[])["zoom in", "zoom out", "pan left", "gentle sway"])
        {
            var cpu = Film(package, "cpu", photo, prompt);
            var cuda = Film(package, "cuda", photo, prompt);

            Assert.Equal(cpu.Count, cuda.Count);
            var worst = cpu.Zip(cuda).Max(pair => pair.First.Pixels.Zip(pair.Second.Pixels).Max(p => Math.Abs(p.First - p.Second)));
            output.WriteLine($"{prompt}: largest difference of a channel {worst} of 255.");
            Assert.InRange(worst, 0, 2);
        }
    }

    private static List<RgbImage> Film(ModelPackage package, string provider, RgbImage photo, string prompt)
    {
        using var pipeline = PipelineLoader.Load(package, new DeviceOptions { Provider = provider });
        var request = new GenerationRequest { Image = photo, Prompt = prompt, Width = 512, Height = 384, NumFrames = 16, Fps = 8, Seed = 7, MotionAmount = 0.5 };
        return [.. pipeline.Generate(request, progress: null, TestContext.Current.CancellationToken)];
    }

    /// <summary>a [64, 96] · b [96, 48], each rounded to one type and multiplied in another.</summary>
    private static byte[] Product(TensorElementType rounded, TensorElementType computed)
    {
        var graph = new Graph("product");
        var a = graph.Input("a", TensorElementType.Float, 64, 96);
        var b = graph.Input("b", TensorElementType.Float, 96, 48);
        graph.Output("y", graph.Op("MatMul", [a.Cast(rounded).Cast(computed), b.Cast(rounded).Cast(computed)]).Cast(TensorElementType.Float), 64, 48);
        return OnnxFile.ToBytes(graph);
    }

    private static float[] Run(byte[] model, SessionOptions options, float[] a, float[] b)
    {
        using (options)
        {
            using var session = new InferenceSession(model, options);
            using var left = TestGraphs.Tensor(a, 64, 96);
            using var right = TestGraphs.Tensor(b, 96, 48);
            return session.Run<float>(("a", left), ("b", right));
        }
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 2))];
    }

    private static SessionOptions Cuda()
    {
        var options = new SessionOptions();
        using var cuda = new OrtCUDAProviderOptions();
        // TF32 rounds fp32 products to 10 bits, which would hide a wrong result.
        cuda.UpdateOptions(new Dictionary<string, string> { ["device_id"] = "0", ["use_tf32"] = "0" });
        options.AppendExecutionProvider_CUDA(cuda);
        return options;
    }
}
