using I2V.Inference.Models;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>One loaded model: an image and settings in, frames out. One run at a time.</summary>
public interface IVideoPipeline : IDisposable
{
    ModelManifest Manifest { get; }

    /// <summary>Phase → device memory that the last run used at most in it, exact; empty where that memory is not counted.</summary>
    IReadOnlyDictionary<GenerationPhase, long> PhasePeakBytes => new Dictionary<GenerationPhase, long>();

    /// <summary>A tiny run, so that the first job does not pay for what the runtime prepares lazily.</summary>
    void WarmUp(CancellationToken ct);

    /// <summary>Makes the frames one after the other, so that they can be encoded while the rest is made.</summary>
    /// <exception cref="GenerationException">The run failed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it, within one step.</exception>
    IEnumerable<RgbImage> Generate(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct);
}
