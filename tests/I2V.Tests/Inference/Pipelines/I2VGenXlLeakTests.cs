using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Tests.Inference.Native;
using Xunit.Sdk;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>Runs alone, since it counts the memory of the whole process.</summary>
[Collection(nameof(LeakTests))]
public sealed class I2VGenXlLeakTests(LoadedI2VGenXl loaded) : IClassFixture<LoadedI2VGenXl>
{
    private const int Warm = 20;
    private const int Counted = 40;

    /// <summary>Less than a third of what the conditions of so many runs take.</summary>
    private const long Allowed = 1 << 20;

    /// <summary>
    /// Of the context alone, two halves of 145 tokens of 64 numbers, for eight runs at once: kept one by one, they fit into holes
    /// that earlier tests left in the heap, and the process does not grow.
    /// </summary>
    private const int ContextsLength = 8 * 2 * 145 * 64;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Runs_that_are_cancelled_or_left_give_everything_back(bool isLeft) => AssertSteady(isLeft, kept: null);

    [Fact]
    public void The_same_check_notices_conditions_that_are_kept()
    {
        var kept = new List<OrtValue>();
        try
        {
            Assert.ThrowsAny<XunitException>(() => AssertSteady(isLeft: false, kept));
        }
        finally
        {
            kept.ForEach(value => value.Dispose());
        }
    }

    private void AssertSteady(bool isLeft, List<OrtValue>? kept) => SteadyMemory.Require(Warm, Counted, Allowed, () =>
    {
        Run(isLeft);
        if (kept is not null)
        {
            kept.Add(OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, TensorElementType.Float, [ContextsLength]));
            kept[^1].GetTensorMutableDataAsSpan<float>().Fill(1);
        }
    });

    private void Run(bool isLeft)
    {
        using var cancel = new CancellationTokenSource();
        var listener = new Cancelling(cancel, isLeft ? GenerationPhase.Unknown : GenerationPhase.Denoising);
        var film = loaded.Pipeline.Generate(TinyI2VGenXl.Request with { Steps = isLeft ? 1 : 100, NumFrames = 2 }, listener, cancel.Token);
        if (isLeft)
        {
            Assert.NotNull(film.First());
        }
        else
        {
            Assert.ThrowsAny<OperationCanceledException>(() => film.First());
        }
    }

    private sealed class Cancelling(CancellationTokenSource cancel, GenerationPhase phase) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            if (value.Phase == phase)
            {
                cancel.Cancel();
            }
        }
    }
}
