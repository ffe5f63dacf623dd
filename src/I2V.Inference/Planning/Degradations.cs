using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>What is not as asked, in words.</summary>
public static class Degradations
{
    /// <summary>A phase ran out of memory and goes on a rung lower: for the running job's own list.</summary>
    /// <param name="from">What was not enough.</param>
    /// <param name="to">What is tried next.</param>
    /// <param name="phase">In which memory ran out.</param>
    /// <param name="neededBytes">Predicted for <paramref name="from"/>, or what the refused allocation would have led to; null when not known.</param>
    /// <param name="freeBytes">The budget at that moment; null when not known.</param>
    public static PlannedDegradation SteppedDown(Rung from, Rung to, GenerationPhase phase, long? neededBytes = null, long? freeBytes = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        var film = to.Exact ? "the film stays the same and takes longer" : "the film changes a little";
        return new PlannedDegradation(
            "rung_lowered", "techniques", from.Name, to.Name, neededBytes, freeBytes,
            $"Device memory ran out {PlanText.Doing(phase)}, so {What(to.Name)}: {film}.");
    }

    /// <summary>The inexact techniques of a set, in the ladder's order; none where all are exact.</summary>
    /// <param name="techniques">As applied.</param>
    /// <param name="precision">Of the package's own weights, such as <c>fp16</c>.</param>
    /// <param name="neededBytes">The fewest bytes that exact techniques need; null when not known.</param>
    /// <param name="freeBytes">The budget.</param>
    public static IEnumerable<PlannedDegradation> OfTechniques(Techniques techniques, string precision, long? neededBytes, long? freeBytes)
    {
        ArgumentNullException.ThrowIfNull(techniques);
        var why = neededBytes is { } needed && freeBytes is { } free
            ? $"without this the film needs {PlanText.Needed(needed)} of device memory, and {PlanText.Available(free)} are available"
            : "without this it was not known to fit";
        PlannedDegradation Inexact(string code, string from, string to, string rung) =>
            new(code, "techniques", from, to, neededBytes, freeBytes, $"{Capital(What(rung))}, which changes the film a little: {why}.");

        if (techniques.Tiled)
        {
            yield return Inexact("vae_tiled", "whole pictures", $"tiles of {LatentSize.TileSide * 8} pixels", Rung.Tiled);
        }

        if (techniques.EightBit)
        {
            yield return Inexact("weights_int8", precision, "int8", Rung.EightBit);
        }

        if (techniques.WindowFrames > 0)
        {
            yield return Inexact("temporal_windows", "all frames together", $"windows of {techniques.WindowFrames}", Rung.Windows);
        }
    }

    internal static PlannedDegradation OfRule(int asked, int applied) => new(
        "frame_rule", "num_frames", $"{asked}", $"{applied}", NeededBytes: null, FreeBytes: null,
        $"The film has {PlanText.Frames(applied)} instead of {asked}: the model makes one frame more than a multiple of 4.");

    internal static PlannedDegradation OfFrames(PlanRequest asked, PlanRequest applied, long? needed, long budget, long usable) => new(
        "frames_reduced", "num_frames", $"{asked.NumFrames}", $"{applied.NumFrames}", needed, budget,
        $"The film has {PlanText.Frames(applied.NumFrames)} instead of {asked.NumFrames}: {Why(asked, needed, budget, usable)}.");

    internal static PlannedDegradation OfResolution(PlanRequest asked, PlanRequest applied, long? needed, long budget, long usable) => new(
        "resolution_reduced", "resolution", PlanText.Size(asked), PlanText.Size(applied), needed, budget,
        $"The film is {PlanText.Size(applied)} instead of {PlanText.Size(asked)}: {Why(asked, needed, budget, usable)}.");

    private static string Why(PlanRequest asked, long? needed, long budget, long usable) => needed is { } bytes
        ? $"{PlanText.Film(asked)} needs at least {PlanText.Needed(bytes)} of device memory, and {PlanText.Available(budget)} are available"
        : $"with {PlanText.Available(usable)} of device memory free, the model makes nothing larger until a larger film has been measured";

    private static string What(string rung) => rung switch
    {
        Rung.Resident => "everything is on the device at once",
        Rung.Sliced => "frames are decoded a few at a time and wide layers are computed in parts",
        Rung.EncodersReleased => "the encoders leave the device once they have run",
        Rung.SerialGuidance => "the two guidance halves are computed one after the other, and the decoder comes when it is needed",
        Rung.DenoiserReleased => "the denoiser leaves the device before frames are decoded",
        Rung.Streamed => "the denoiser's weights stay in the host's memory and pass through the device",
        Rung.Tiled => "pictures go through the autoencoder in overlapping tiles",
        Rung.EightBit => "the denoiser's weights have 8 bits",
        Rung.Windows => "frames are denoised in overlapping windows",
        _ => $"the rung {rung} is used",
    };

    private static string Capital(string sentence) => char.ToUpperInvariant(sentence[0]) + sentence[1..];
}
