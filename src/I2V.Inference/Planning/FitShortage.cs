using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>
/// What running out of memory proved: as it was tried, a phase needs at least so many bytes. It is a number and no verdict on
/// the rung: a device with more free is tried again, and a run that gets by with less refutes it.
/// </summary>
public sealed record FitShortage
{
    /// <summary>A rung's name.</summary>
    public required string Rung { get; init; }

    /// <summary>In which memory ran out.</summary>
    public required GenerationPhase Phase { get; init; }

    /// <summary>Pixels.</summary>
    public required int Width { get; init; }

    /// <summary>Pixels.</summary>
    public required int Height { get; init; }

    public required int NumFrames { get; init; }

    public required bool Guided { get; init; }

    /// <summary>Of tensors, weights included, context not: what was taken already and what was refused.</summary>
    public required long NeededBytes { get; init; }

    /// <summary>
    /// True for films that need no less than this one in its phase: those of the same picture and as many frames or more. (A larger
    /// picture may be decoded with fewer frames a call, so it may need less.) Loading is the same for all films.
    /// </summary>
    public bool Binds(PlanRequest settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Phase == GenerationPhase.Loading
            || ((settings.Width, settings.Height, settings.Guided) == (Width, Height, Guided) && settings.NumFrames >= NumFrames);
    }

    /// <summary>True when a run that ended well, of a film that this binds and on its rung, needed less in its phase.</summary>
    public bool IsRefutedBy(FitProfile run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.Rung == Rung
            && Binds(new PlanRequest(run.Width, run.Height, run.NumFrames, Steps: 0, run.Guided))
            && run.PhasePeakBytes.TryGetValue(CalibratedMemory.NameOf(Phase), out var peak)
            && peak < NeededBytes;
    }
}
