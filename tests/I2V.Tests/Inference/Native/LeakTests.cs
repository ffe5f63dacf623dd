using I2V.Inference.Native;
using Xunit.Sdk;

namespace I2V.Tests.Inference.Native;

/// <summary>Runs alone, since it counts the memory of the whole process.</summary>
[CollectionDefinition(nameof(LeakTests), DisableParallelization = true)]
[Collection(nameof(LeakTests))]
public sealed class LeakTests
{
    private const int Rounds = 100;
    private const long Allowed = 2 << 20;
    private const int Width = 32 << 10;

    private static readonly byte[] Model = TestGraphs.Loop(Width);

    [Fact]
    public void Loading_running_and_unloading_200_times_gives_everything_back() => AssertSteady(kept: null);

    [Fact]
    public void The_same_check_notices_one_kept_handle_a_round()
    {
        var kept = new List<OrtValue>();
        try
        {
            Assert.ThrowsAny<XunitException>(() => AssertSteady(kept));
        }
        finally
        {
            kept.ForEach(value => value.Dispose());
        }
    }

    /// <summary>Over a hundred rounds, after a hundred, the process may grow by less than 2 MB.</summary>
    private static void AssertSteady(List<OrtValue>? kept) => SteadyMemory.Require(Rounds, Rounds, Allowed, () => LoadRunUnload(kept));

    private static void LoadRunUnload(List<OrtValue>? kept)
    {
        using var options = new SessionOptions { EnableCpuMemArena = false, IntraOpNumThreads = 1 };
        using var session = new InferenceSession(Model, options);
        using var trips = TestGraphs.Scalar(1L);
        using var x = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, [Width]);
        using var runOptions = new RunOptions();
        using var binding = session.CreateIoBinding();
        binding.BindInput("trips", trips);
        binding.BindInput("x", x);
        binding.BindOutputToDevice("y", OrtMemoryInfo.DefaultInstance);
        session.RunWithBinding(runOptions, binding, TestContext.Current.CancellationToken);
        binding.GetOutputValues()[0].Dispose();

        var outputs = session.Run(runOptions, new Dictionary<string, OrtValue> { ["trips"] = trips, ["x"] = x }, ["y"], TestContext.Current.CancellationToken);
        if (kept is null)
        {
            outputs.Dispose();
        }
        else
        {
            kept.Add(outputs[0]);
        }
    }
}
