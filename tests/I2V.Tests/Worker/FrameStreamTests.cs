using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.Worker.Devices;
using I2V.Worker.RenderJob;

namespace I2V.Tests.Worker;

public sealed class FrameStreamTests
{
    private static readonly GenerationRequest Request = new()
    {
        Image = new RgbImage(2, 2, new byte[12]),
        Width = 2,
        Height = 2,
        NumFrames = 1_000,
        Fps = 8,
        Seed = 1,
    };

    [Fact]
    public async Task Frames_come_in_order_and_the_device_waits_for_a_slow_encoder()
    {
        using var thread = new DeviceThread();
        using var pipeline = new CountingPipeline();
        var read = 0;
        await foreach (var frame in Stream(thread, pipeline, TestContext.Current.CancellationToken))
        {
            Assert.Equal((byte)read++, frame.Pixels[0]);
            // Two wait in between, one is in each hand.
            Assert.InRange(pipeline.Made, read, read + 4);
            if (read == 200)
            {
                break;
            }
        }

        Assert.True(pipeline.Ended);
    }

    [Fact]
    public async Task A_cancel_ends_the_run_before_the_enumeration_ends()
    {
        using var thread = new DeviceThread();
        using var pipeline = new CountingPipeline();
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var frame in Stream(thread, pipeline, cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });
        Assert.True(pipeline.Ended);
    }

    [Fact]
    public async Task A_run_that_fails_gives_its_own_error_and_the_thread_lives_on()
    {
        using var thread = new DeviceThread();
        using var pipeline = new CountingPipeline { FailAt = 3 };
        var error = await Assert.ThrowsAsync<GenerationException>(async () =>
        {
            await foreach (var frame in Stream(thread, pipeline, TestContext.Current.CancellationToken))
            {
                Assert.NotNull(frame);
            }
        });
        Assert.Equal(GenerationError.InferenceFailed, error.Error);
        Assert.Equal(5, await thread.RunAsync(() => 5));
    }

    private static IAsyncEnumerable<RgbImage> Stream(DeviceThread thread, IVideoPipeline pipeline, CancellationToken ct) =>
        FrameStream.GenerateAsync(thread, pipeline, Request, new Progress<GenerationProgress>(), ct);

    private sealed class CountingPipeline : IVideoPipeline
    {
        private int made;

        public int FailAt { get; init; } = int.MaxValue;

        public int Made => Volatile.Read(ref made);

        public bool Ended { get; private set; }

        public ModelManifest Manifest => throw new NotSupportedException();

        public void WarmUp(CancellationToken ct)
        {
        }

        public IEnumerable<RgbImage> Generate(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct)
        {
            try
            {
                for (var i = 0; i < request.NumFrames; i++)
                {
                    ct.ThrowIfCancellationRequested();
                    if (i == FailAt)
                    {
                        throw new GenerationException(GenerationError.InferenceFailed, "The third frame failed.");
                    }

                    Interlocked.Increment(ref made);
                    yield return new RgbImage(2, 2, [(byte)i, .. new byte[11]]);
                }
            }
            finally
            {
                Ended = true;
            }
        }

        public void Dispose()
        {
        }
    }
}
