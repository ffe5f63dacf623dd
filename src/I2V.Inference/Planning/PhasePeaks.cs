using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>The most bytes of the device that the whole process holds in each phase.</summary>
/// <param name="Loading">With the warm-up run.</param>
/// <param name="Encoding">Prompts and picture.</param>
/// <param name="Denoising">All steps.</param>
/// <param name="Decoding">Latents to frames.</param>
public readonly record struct PhasePeaks(long Loading, long Encoding, long Denoising, long Decoding)
{
    public long Max => Math.Max(Math.Max(Loading, Encoding), Math.Max(Denoising, Decoding));

    /// <summary>0 for <see cref="GenerationPhase.Unknown"/>.</summary>
    public long Of(GenerationPhase phase) => phase switch
    {
        GenerationPhase.Loading => Loading,
        GenerationPhase.Encoding => Encoding,
        GenerationPhase.Denoising => Denoising,
        GenerationPhase.Decoding => Decoding,
        _ => 0,
    };

    public IReadOnlyDictionary<GenerationPhase, long> ToDictionary() => new Dictionary<GenerationPhase, long>
    {
        [GenerationPhase.Loading] = Loading,
        [GenerationPhase.Encoding] = Encoding,
        [GenerationPhase.Denoising] = Denoising,
        [GenerationPhase.Decoding] = Decoding,
    };
}
