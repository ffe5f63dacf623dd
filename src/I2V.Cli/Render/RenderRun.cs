using System.Threading.Channels;
using I2V.Cli.Jobs;
using I2V.Inference.Pipelines;
using I2V.Media;

namespace I2V.Cli.Render;

/// <summary>Makes one film on this machine: the pipeline on a thread of its own, ffmpeg beside it.</summary>
internal sealed class RenderRun(IVideoPipeline pipeline, IProgressView view, TimeProvider time)
{
    /// <summary>Frames that may wait for the encoder.</summary>
    private const int Ahead = 2;

    public async Task<FilmInfo> RunAsync(GenerationRequest request, string path, CancellationToken ct)
    {
        using var run = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var frames = Channel.CreateBounded<RgbImage>(Ahead);
        var making = Task.Factory.StartNew(
            () => Make(request, frames.Writer, run.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await using var film = FilmWriter.Start(path, request.Width, request.Height, request.Fps);
            await foreach (var frame in frames.Reader.ReadAllAsync(ct))
            {
                await film.WriteAsync(frame, ct);
            }

            await making;
            view.Show(new ProgressLine("muxing", 99, ""));
            return await film.FinishAsync(ct);
        }
        finally
        {
            await run.CancelAsync();
            await making.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Make(GenerationRequest request, ChannelWriter<RgbImage> frames, CancellationToken ct)
    {
        try
        {
            foreach (var frame in pipeline.Generate(request, new Reporter(view, time), ct))
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

    /// <summary>Turns steps into a bar: the time left follows from the steps of the phase so far.</summary>
    private sealed class Reporter(IProgressView view, TimeProvider time) : IProgress<GenerationProgress>
    {
        private GenerationPhase phase;
        private long start;
        private int first;

        public void Report(GenerationProgress value)
        {
            if (value.Phase != phase)
            {
                (phase, start, first) = (value.Phase, time.GetTimestamp(), value.Step);
            }

            var done = value.Step - first;
            var left = done > 0 ? time.GetElapsedTime(start).TotalSeconds / done * (value.TotalSteps - value.Step) : (double?)null;
            var eta = left is { } seconds ? FormattableString.Invariant($", ETA {Math.Ceiling(seconds):0} s") : "";
            view.Show(new ProgressLine(
                JobWords.Word(value.Phase),
                value.Phase is GenerationPhase.Decoding or GenerationPhase.Denoising ? 99.0 * value.Step / value.TotalSteps : 0,
                FormattableString.Invariant($"step {value.Step}/{value.TotalSteps}{eta}")));
        }
    }
}
