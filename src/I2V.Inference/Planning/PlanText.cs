using System.Globalization;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>Words and figures of messages. GB are 10⁹ bytes, as in every measured table.</summary>
internal static class PlanText
{
    /// <summary>Rounded up, so that what is needed never reads as less than it is.</summary>
    public static string Needed(long bytes) => Gigabytes(Math.Ceiling(bytes / 1e7m) / 100);

    /// <summary>Rounded down.</summary>
    public static string Available(long bytes) => Gigabytes(Math.Floor(bytes / 1e7m) / 100);

    public static string Film(PlanRequest settings) => $"{Size(settings)} with {Frames(settings.NumFrames)}";

    public static string Size(PlanRequest settings) => $"{settings.Width}×{settings.Height}";

    public static string Frames(int count) => count == 1 ? "1 frame" : $"{count} frames";

    public static string Doing(GenerationPhase phase) => phase switch
    {
        GenerationPhase.Loading => "while the model was loaded",
        GenerationPhase.Encoding => "while prompt and picture were read",
        GenerationPhase.Denoising => "while denoising",
        GenerationPhase.Decoding => "while frames were decoded",
        _ => "while the film was made",
    };

    private static string Gigabytes(decimal value) => value.ToString("0.00", CultureInfo.InvariantCulture) + " GB";
}
