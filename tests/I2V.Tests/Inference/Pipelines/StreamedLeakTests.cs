using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Tests.Inference.Native;
using Xunit.Sdk;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>Runs alone, since it counts the memory of the whole process.</summary>
[Collection(nameof(LeakTests))]
public sealed class StreamedLeakTests : IDisposable
{
    private const int Warm = 30;
    private const int Counted = 30;

    /// <summary>Of 4 numbers: each tensor between units has 512 KB, of which the rounds that count would keep 15 MB.</summary>
    private const int Rows = 1 << 15;

    private const long Allowed = 3 << 20;

    private readonly TemporaryFolder folder = new();
    private readonly ModelPackage package;

    public StreamedLeakTests() => package = UnitSamples.Write(folder.Path);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whole_and_failed_runs_give_everything_back(bool fails) => AssertSteady(fails, kept: null);

    [Fact]
    public void The_same_check_notices_one_tensor_that_is_kept()
    {
        var kept = new List<OrtValue>();
        try
        {
            Assert.ThrowsAny<XunitException>(() => AssertSteady(fails: false, kept));
        }
        finally
        {
            kept.ForEach(value => value.Dispose());
        }
    }

    private void AssertSteady(bool fails, List<OrtValue>? kept) => SteadyMemory.Require(Warm, Counted, Allowed, () =>
    {
        using var network = StreamedNetwork.Load(package, UnitSamples.Component, new DeviceOptions { Threads = 1 });
        using var x = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, [Rows, UnitSamples.Width]);
        x.GetTensorMutableDataAsSpan<float>().Fill(1);
        var sizes = new Dictionary<string, long> { ["b"] = fails ? 3 : 2, ["f"] = Rows / 2 };
        var inputs = new Dictionary<string, OrtValue> { ["x"] = x };
        if (fails)
        {
            Assert.Throws<GenerationException>(() => network.Run(sizes, inputs, [("y", Place.Host)], TestContext.Current.CancellationToken));
            return;
        }

        var y = network.Run(sizes, inputs, [("y", Place.Host)], TestContext.Current.CancellationToken)[0];
        if (kept is null)
        {
            y.Dispose();
        }
        else
        {
            kept.Add(y);
        }
    });
}
