using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Native;

namespace I2V.GpuTests;

/// <summary>Our allocator under a real provider; its arithmetic is tested in I2V.Tests.</summary>
[Trait("Category", "Gpu")]
public sealed class DeviceMemoryTests(ITestOutputHelper output) : IDisposable
{
    private const int Rows = 4096;
    private const long RowsBytes = (long)Rows * DoublingNetwork.Width * sizeof(float);

    private readonly TemporaryFolder folder = new();

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
    public void Every_byte_is_counted_and_comes_back()
    {
        using (var network = DoublingNetwork.Load(folder))
        {
            Assert.InRange(Memory.Use.WeightBytes, DoublingNetwork.WeightBytes, DoublingNetwork.WeightBytes + (64 << 20));
            Assert.Equal(0, Memory.Use.ActivationBytes);

            Memory.ResetPeaks();
            Memory.BeginPhase(GenerationPhase.Denoising);
            using var x = DoublingNetwork.Rows(Rows);
            using (var y = network.Run(x, Place.Device))
            {
                Assert.False(y.IsOnCpu);
                Assert.InRange(Memory.Use.ActivationBytes, RowsBytes, 2 * RowsBytes);
            }

            Assert.Equal(0, Memory.Use.ActivationBytes);
            var peak = Memory.PhasePeaks[GenerationPhase.Denoising];
            output.WriteLine($"Peak: {peak}, in use now: {Memory.Use}.");
            Assert.InRange(peak.LiveBytes, DoublingNetwork.WeightBytes + (2 * RowsBytes), DoublingNetwork.WeightBytes + (3 * RowsBytes) + (128 << 20));
            Assert.InRange(peak.CommittedBytes, peak.LiveBytes, peak.LiveBytes + (64 << 20));
        }

        Assert.Equal(new DeviceMemoryUse(0, 0, 0), Memory.Use);
        Assert.Equal(0, Memory.Faults);
    }

    [Fact]
    public void A_run_over_the_budget_fails_for_want_of_memory_and_the_next_one_works()
    {
        using var network = DoublingNetwork.Load(folder);
        using var large = DoublingNetwork.Rows(Rows);
        using var small = DoublingNetwork.Rows(2);
        network.Run(small, Place.Host).Dispose(); // what libraries prepare once is there
        Memory.Trim();
        Memory.BudgetBytes = Memory.Use.CommittedBytes + RowsBytes;

        var error = Assert.Throws<GenerationException>(() => network.Run(large, Place.Host));

        output.WriteLine(error.Message);
        Assert.Equal(GenerationError.OutOfDeviceMemory, error.Error);
        Assert.Equal(0, Memory.Use.ActivationBytes);
        using (var y = network.Run(small, Place.Host))
        {
            Assert.Equal([2f, 4f], [y.GetTensorDataAsSpan<float>()[0], y.GetTensorDataAsSpan<float>()[^1]]);
        }

        Memory.BudgetBytes = long.MaxValue;
        using var again = network.Run(large, Place.Host);
        Assert.Equal(2f * Rows, again.GetTensorDataAsSpan<float>()[^1]);
    }

    [Fact]
    public void A_graph_whose_weights_are_over_the_budget_is_out_of_memory_too()
    {
        DoublingNetwork.Load(folder).Dispose();
        Memory.BudgetBytes = DoublingNetwork.WeightBytes / 2;
        using var second = new TemporaryFolder();

        var error = Assert.Throws<GenerationException>(() => DoublingNetwork.Load(second).Dispose());

        Assert.True(error.Error == GenerationError.OutOfDeviceMemory, error.Message);
        Memory.BudgetBytes = long.MaxValue;
        using var third = new TemporaryFolder();
        DoublingNetwork.Load(third).Dispose();
        Assert.Equal(0, Memory.Use.LiveBytes);
    }

    [Fact]
    public void A_trim_gives_idle_memory_back_to_the_driver()
    {
        using var network = DoublingNetwork.Load(folder);
        using var x = DoublingNetwork.Rows(Rows);
        network.Run(x, Place.Host).Dispose();
        var idle = Memory.Use.CommittedBytes - Memory.Use.LiveBytes;
        var free = CudaDriver.Open(0).FreeBytes;

        var given = Memory.Trim();

        Assert.True(given >= 2 * RowsBytes, $"Only {given} of {idle} idle bytes were given back.");
        Assert.Equal(free + given, CudaDriver.Open(0).FreeBytes);
        using var y = network.Run(x, Place.Host);
        Assert.Equal(2f * Rows, y.GetTensorDataAsSpan<float>()[^1]);
    }

    [Fact]
    public void Memory_that_was_cut_up_serves_a_block_as_large_as_the_whole()
    {
        using var network = DoublingNetwork.Load(folder);
        var kept = new List<OrtValue>();
        using var part = DoublingNetwork.Rows(Rows / 8);
        for (var i = 0; i < 8; i++)
        {
            kept.Add(network.Run(part, Place.Device));
        }

        for (var i = 0; i < 8; i += 2)
        {
            kept[i].Dispose();
        }

        // Half of the blocks stay where they are; the rest of the budget is only there if holes give their pages up.
        Memory.BudgetBytes = Memory.Use.LiveBytes + (2 * RowsBytes) + (48 << 20);
        using var x = DoublingNetwork.Rows(Rows);
        using (var y = network.Run(x, Place.Host))
        {
            Assert.Equal(2f * Rows, y.GetTensorDataAsSpan<float>()[^1]);
        }

        for (var i = 1; i < 8; i += 2)
        {
            using var back = network.Run(kept[i], Place.Host);
            Assert.Equal(4f, back.GetTensorDataAsSpan<float>()[0]);
            kept[i].Dispose();
        }
    }

    [Fact]
    public void What_one_network_leaves_on_the_device_another_one_reads()
    {
        using var second = new TemporaryFolder();
        using var one = DoublingNetwork.Load(folder);
        using var other = DoublingNetwork.Load(second);
        using var x = DoublingNetwork.Rows(64);

        for (var round = 0; round < 50; round++)
        {
            using var between = one.Run(x, Place.Device);
            using var y = other.Run(between, Place.Host);
            Assert.False(between.IsOnCpu);
            Assert.All(Enumerable.Range(0, 64), row => Assert.Equal(4f * (row + 1), y.GetTensorDataAsSpan<float>()[(row * DoublingNetwork.Width) + 7]));
        }
    }

    [Fact]
    public async Task A_cancelled_run_gives_its_memory_back()
    {
        var package = PackageSamples.Write(folder.Path, manifest => manifest, TestGraphs.Loop(1 << 20))();
        using var network = Network.Load(package, "net", new DeviceOptions { Provider = "cuda" });
        using var trips = TestGraphs.Scalar(long.MaxValue);
        using var x = TestGraphs.Tensor(new float[1 << 20]);
        using var cancel = new CancellationTokenSource();
        var run = Task.Run(() => network.Run(
            new Dictionary<string, long>(), new Dictionary<string, OrtValue> { ["trips"] = trips, ["x"] = x }, [("y", Place.Device)], cancel.Token));

        cancel.CancelAfter(TimeSpan.FromMilliseconds(200));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(0, Memory.Use.ActivationBytes);
    }

    [Fact]
    public void The_driver_counts_what_we_count_and_more()
    {
        using var network = DoublingNetwork.Load(folder);
        var nvml = Nvml.TryOpenCuda(0, out var reason);

        var reading = nvml?.Read();

        Assert.True(reading is not null, reason);
        output.WriteLine($"{reading}");
        Assert.True((reading.ProcessBytes ?? reading.UsedBytes) > Memory.Use.CommittedBytes);
    }
}
