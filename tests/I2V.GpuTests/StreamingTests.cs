using System.Runtime.InteropServices;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Native;
using I2V.Tests.Inference.Pipelines;

namespace I2V.GpuTests;

/// <summary>Weights that take turns in two slots of the device's memory; schedule and bookkeeping are tested in I2V.Tests.</summary>
[Trait("Category", "Gpu")]
public sealed class StreamingTests(ITestOutputHelper output) : IDisposable
{
    private const int Width = 4096;
    private const int Units = 7;
    private const int LoopWidth = 1 << 20;
    private const long UnitBytes = (long)Width * Width * sizeof(float);

    /// <summary>What a slot may have beyond its largest unit: small constants, and the rest of its last page.</summary>
    private const long SlotSlack = 16 << 20;

    /// <summary>What libraries may hold for a session, outside of every allocator.</summary>
    private const long SessionSlack = 12 << 20;

    private static readonly Dictionary<string, long> NoSizes = [];

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static DeviceMemory Memory => DeviceMemory.Current ?? throw new InvalidOperationException("No session has been loaded through our allocator.");

    public void Dispose()
    {
        if (DeviceMemory.Current is { } memory)
        {
            memory.BudgetBytes = long.MaxValue;
        }

        folder.Dispose();
    }

    [Fact]
    public void A_streamed_network_gives_what_the_whole_one_gives_run_after_run()
    {
        using var network = Load();
        using var x = Rows(64);

        for (var round = 0; round < 20; round++)
        {
            using var y = Run(network, x, Place.Host);
            Assert.All(Enumerable.Range(0, 64), row => Assert.Equal(Expected(row), y.GetTensorDataAsSpan<float>()[(row * Width) + 7]));
        }
    }

    [Fact]
    public async Task The_denoiser_streamed_is_as_near_to_itself_whole_as_two_runs_are()
    {
        var package = await SmallPackageAsync();
        var device = new DeviceOptions { Provider = "cuda" };
        using var inputs = new UnetInputs();
        float[] expected;
        using (var whole = Network.Load(package, "unet", device))
        {
            expected = inputs.Run(whole);
            output.WriteLine($"Whole, twice: {Relative(inputs.Run(whole), expected):G3}.");
        }

        using var streamed = StreamedNetwork.Load(package, "unet", device);
        for (var step = 0; step < 4; step++)
        {
            var error = Relative(inputs.Run(streamed), expected);
            output.WriteLine($"Streamed, step {step}: {error:G3}.");
            Assert.InRange(error, 0, 0.005);
        }
    }

    [Fact]
    public void The_device_holds_two_units_and_everything_comes_back()
    {
        using (var first = Load())
        {
            using var rows = Rows(2);
            Run(first, rows, Place.Host).Dispose(); // what libraries prepare once is there
        }

        var free = CudaDriver.Open(0).FreeBytes;
        using (var network = Load())
        {
            using var x = Rows(2);
            Memory.ResetPeaks();
            Memory.BeginPhase(GenerationPhase.Denoising);
            Run(network, x, Place.Host).Dispose();

            var (use, peak) = (Memory.Use, Memory.PhasePeaks[GenerationPhase.Denoising]);
            var taken = free - CudaDriver.Open(0).FreeBytes;
            output.WriteLine($"In use: {use}, peak: {peak}, pinned: {network.PinnedBytes}, taken from the device: {taken}; {Nvml.TryOpenCuda(0, out _)?.Read()}.");
            Assert.InRange(use.WeightBytes, 2 * UnitBytes, 2 * (UnitBytes + SlotSlack));
            Assert.Equal(0, use.ActivationBytes);
            Assert.InRange(peak.CommittedBytes, use.WeightBytes, use.WeightBytes + (64 << 20));
            Assert.InRange(network.PinnedBytes, Units * UnitBytes, Units * (UnitBytes + 65536));
            Assert.Equal(network.PinnedBytes, Memory.PinnedBytes);
            Assert.True(taken <= use.CommittedBytes + (Units * SessionSlack), $"The driver counts {taken} bytes, of which {use.CommittedBytes} are ours.");
        }

        Assert.Equal(new DeviceMemoryUse(0, 0, 0), Memory.Use);
        Assert.Equal((0, 0), (Memory.PinnedBytes, Memory.Faults));
    }

    [Fact]
    public void A_unit_that_is_out_of_memory_leaves_the_network_and_the_process_usable()
    {
        using var network = Load();
        using var large = Rows(8192);
        using var small = Rows(2);
        Run(network, small, Place.Host).Dispose();
        Memory.Trim();
        Memory.BudgetBytes = Memory.Use.CommittedBytes + (64 << 20);

        var error = Assert.Throws<GenerationException>(() => Run(network, large, Place.Host));

        output.WriteLine(error.Message);
        Assert.Equal(GenerationError.OutOfDeviceMemory, error.Error);
        Assert.Equal(0, Memory.Use.ActivationBytes);
        using (var y = Run(network, small, Place.Host))
        {
            Assert.Equal(Expected(1), y.GetTensorDataAsSpan<float>()[^1]);
        }

        Memory.BudgetBytes = long.MaxValue;
        using var again = Run(network, large, Place.Host);
        Assert.Equal(Expected(8191), again.GetTensorDataAsSpan<float>()[^1]);
    }

    [Fact]
    public void Slots_over_the_budget_are_out_of_memory_and_nothing_stays()
    {
        Load().Dispose();
        Memory.BudgetBytes = UnitBytes + (UnitBytes / 2);

        var error = Assert.Throws<GenerationException>(() => Load().Dispose());

        Assert.True(error.Error == GenerationError.OutOfDeviceMemory, error.Message);
        Memory.BudgetBytes = long.MaxValue;
        Assert.Equal((0, 0), (Memory.Use.LiveBytes, Memory.PinnedBytes));
        using var network = Load();
        using var x = Rows(2);
        using var y = Run(network, x, Place.Host);
        Assert.Equal(Expected(0), y.GetTensorDataAsSpan<float>()[0]);
    }

    [Fact]
    public void What_a_streamed_network_leaves_on_the_device_a_whole_one_reads()
    {
        using var streamed = Load();
        using var whole = Network.Load(ModelPackage.Open(folder.Path), UnitSamples.Component, new DeviceOptions { Provider = "cuda" });
        using var x = Rows(16);

        for (var round = 0; round < 20; round++)
        {
            using var between = Run(streamed, x, Place.Device);
            using var y = Run(whole, between, Place.Host);
            Assert.False(between.IsOnCpu);
            Assert.All(Enumerable.Range(0, 16), row => Assert.Equal(Expected(row) * (1 << Units), y.GetTensorDataAsSpan<float>()[(row * Width) + 3]));
        }
    }

    [Fact]
    public async Task A_cancelled_run_gives_its_memory_back_and_the_next_one_is_right()
    {
        using var network = StreamedNetwork.Load(UnitSamples.WriteLoop(folder.Path, LoopWidth), UnitSamples.Component, new DeviceOptions { Provider = "cuda" });
        using var cancel = new CancellationTokenSource();
        var run = Task.Run(() => RunLoop(network, long.MaxValue, cancel.Token), Ct);

        cancel.CancelAfter(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(0, Memory.Use.ActivationBytes);
        Assert.Equal(1 + 5 + 1 + 2, RunLoop(network, 2, Ct));
    }

    [Fact]
    public void Copies_go_on_while_units_run()
    {
        // Products without the short cut take several times as long as the copies, on any device.
        using var network = Load(tf32: false);
        using var x = Rows(16384);
        Run(network, x, Place.Device).Dispose();

        network.BeginTrace();
        Run(network, x, Place.Device).Dispose();
        var trace = network.EndTrace();

        foreach (var span in trace.Spans)
        {
            output.WriteLine($"{(span.IsCopy ? "copy" : "run")} {span.Unit}: {span.StartMs:F3} to {span.EndMs:F3} ms");
        }

        output.WriteLine($"Copies {trace.CopyMs:F2} ms, runs {trace.RunMs:F2} ms, all {trace.WallMs:F2} ms, hidden {trace.HiddenShare:P0}.");
        Assert.Equal(Units, trace.Spans.Count(span => !span.IsCopy));
        Assert.InRange(trace.Spans.Count(span => span.IsCopy), Units - 1, Units);
        Assert.All(trace.Spans, span => Assert.True(span.Ms >= 0));
        Assert.InRange(trace.HiddenShare, 0.5, 1);
    }

    private static float Expected(int row) => (1 << Units) * (1f + row);

    private static OrtValue Rows(int count) => TestGraphs.Tensor([.. Enumerable.Range(0, count * Width).Select(i => (float)(1 + (i / Width)))], count, Width);

    private static OrtValue Run(INetwork network, OrtValue x, Place place) =>
        network.Run(NoSizes, new Dictionary<string, OrtValue> { ["x"] = x }, [("y", place)], Ct)[0];

    private static double Relative(float[] actual, float[] expected)
    {
        var difference = actual.Zip(expected).Sum(pair => Math.Pow((double)pair.First - pair.Second, 2));
        return Math.Sqrt(difference / expected.Sum(value => (double)value * value));
    }

    /// <summary>Multiplies rows by a matrix that doubles them, as often as there are units; each unit has a matrix of its own.</summary>
    private StreamedNetwork Load(bool tf32 = true)
    {
        if (!File.Exists(folder.File("graph.onnx")))
        {
            var graph = new Graph("doublings");
            var value = graph.Input("x", TensorElementType.Float, Dim.Any, Width);
            for (var unit = 0; unit < Units; unit++)
            {
                graph.BeginUnit($"unit{unit}");
                value = graph.Op("MatMul", [value, graph.Weight($"weight{unit}", TensorElementType.Float, [Width, Width], Doubling)]);
            }

            graph.Output("y", value, Dim.Any, Width);
            UnitSamples.Write(folder.Path, graph);
        }

        var device = new DeviceOptions { Provider = "cuda", Tuning = new CudaTuning { Tf32 = tf32 } };
        return StreamedNetwork.Load(ModelPackage.Open(folder.Path), UnitSamples.Component, device);
    }

    private static ReadOnlyMemory<byte> Doubling()
    {
        var matrix = new float[Width * Width];
        for (var i = 0; i < Width; i++)
        {
            matrix[(i * Width) + i] = 2;
        }

        return MemoryMarshal.AsBytes(matrix.AsSpan()).ToArray();
    }

    private static float RunLoop(StreamedNetwork network, long count, CancellationToken ct)
    {
        using var trips = TestGraphs.Scalar(count);
        using var start = TestGraphs.Tensor([.. Enumerable.Repeat(1f, LoopWidth)]);
        using var y = network.Run(NoSizes, new Dictionary<string, OrtValue> { ["trips"] = trips, ["start"] = start }, [("y", Place.Host)], ct)[0];
        return y.GetTensorDataAsSpan<float>()[^1];
    }

    private async Task<ModelPackage> SmallPackageAsync()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Small, seed: 0);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Fused, Precision = TensorElementType.Float16 });
        await PackageWriter.WriteAsync(plan, folder.File("small"), progress: null, Ct);
        return ModelPackage.Open(folder.File("small"));
    }

    /// <summary>A step of two halves, 4 frames and 128 × 192 pixels, drawn from a seed.</summary>
    private sealed class UnetInputs : IDisposable
    {
        private static readonly Dictionary<string, long> Sizes = new() { ["b"] = 2, ["f"] = 4, ["h"] = 16, ["w"] = 24 };

        private readonly Random random = new(3);
        private readonly Dictionary<string, OrtValue> values;

        public UnetInputs() => values = new Dictionary<string, OrtValue>
        {
            ["sample"] = Single(2, 4, 4, 16, 24),
            ["timestep"] = TestGraphs.Tensor([501f]),
            ["context"] = Half(2, 145, 1024),
            ["image_features"] = Half(2, 4, 4, 16, 24),
            ["fps_embedding"] = Half(2, 1280),
        };

        public float[] Run(INetwork network)
        {
            using var noise = network.Run(Sizes, values, [("noise_pred", Place.Host)], Ct)[0];
            return noise.GetTensorDataAsSpan<float>().ToArray();
        }

        public void Dispose() => values.Values.ToList().ForEach(value => value.Dispose());

        private float[] Draw(long[] shape) =>
            [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (product, size) => product * size)).Select(_ => (float)((random.NextDouble() * 2) - 1))];

        private OrtValue Single(params long[] shape) => TestGraphs.Tensor(Draw(shape), shape);

        private OrtValue Half(params long[] shape) => TestGraphs.Tensor(Array.ConvertAll(Draw(shape), value => (System.Half)value), shape);
    }
}
