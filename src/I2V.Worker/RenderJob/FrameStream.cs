using System.Runtime.CompilerServices;
using System.Threading.Channels;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.Worker.Devices;

namespace I2V.Worker.RenderJob;

/// <summary>Carries frames from the device's thread to who encodes them, a few at a time.</summary>
internal static class FrameStream
{
    /// <summary>Frames that may wait; when ffmpeg is behind, the device waits, so that memory stays at a few frames.</summary>
    private const int Ahead = 2;

    /// <summary>Runs the pipeline. The run has ended whenever the enumeration has, however that ended.</summary>
    public static async IAsyncEnumerable<RgbImage> GenerateAsync(
        DeviceThread thread,
        IVideoPipeline pipeline,
        GenerationRequest request,
        IProgress<GenerationProgress> progress,
        [EnumeratorCancellation] CancellationToken ct)
    {
        using var run = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var frames = Channel.CreateBounded<RgbImage>(new BoundedChannelOptions(Ahead) { SingleReader = true, SingleWriter = true });
        var producing = thread.RunAsync(() => Produce(pipeline, request, progress, frames.Writer, run.Token));
        try
        {
            await foreach (var frame in frames.Reader.ReadAllAsync(ct))
            {
                yield return frame;
            }

            await producing;
        }
        finally
        {
            await run.CancelAsync();
            await producing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static void Produce(
        IVideoPipeline pipeline,
        GenerationRequest request,
        IProgress<GenerationProgress> progress,
        ChannelWriter<RgbImage> frames,
        CancellationToken ct)
    {
        try
        {
            foreach (var frame in pipeline.Generate(request, progress, ct))
            {
                // This thread belongs to the run alone, so waiting on it holds up nobody.
                frames.WriteAsync(frame, ct).AsTask().GetAwaiter().GetResult();
            }
        }
        finally
        {
            frames.Complete();
        }
    }
}
