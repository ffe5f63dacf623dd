using I2V.Inference.Models;
using I2V.Inference.Planning;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>One loaded model: an image and settings in, frames out. One run at a time.</summary>
public interface IVideoPipeline : IDisposable
{
    ModelManifest Manifest { get; }

    /// <summary>Phase → device memory that the last run used at most in it, exact; empty where that memory is not counted.</summary>
    IReadOnlyDictionary<GenerationPhase, long> PhasePeakBytes => new Dictionary<GenerationPhase, long>();

    /// <summary>What the last run did, however it ended; null before the first, and for models that have nothing to tell.</summary>
    RunFacts? LastRun => null;

    /// <summary>
    /// Loads what stays loaded between runs with these techniques, and lets go of what does not. A run does so itself: this
    /// is for a worker that wants the time to pass before a job comes.
    /// </summary>
    /// <exception cref="GenerationException">A network cannot be loaded, or the package has not what a technique needs.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it, between two networks.</exception>
    void Prepare(Techniques techniques, CancellationToken ct) => ct.ThrowIfCancellationRequested();

    /// <summary>A tiny run, so that the first job does not pay for what the runtime prepares lazily.</summary>
    void WarmUp(CancellationToken ct);

    /// <summary>The same with the techniques that jobs will use, since each prepares networks of its own.</summary>
    void WarmUp(Techniques techniques, CancellationToken ct) => WarmUp(ct);

    /// <summary>Makes the frames one after the other, so that they can be encoded while the rest is made.</summary>
    /// <exception cref="GenerationException">The run failed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it, within one step.</exception>
    IEnumerable<RgbImage> Generate(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct);
}
