using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>
/// The rungs that a package has for a film, the least frugal first. Each keeps the techniques of those above it; a rung that
/// would change nothing for this film on this device is left out.
/// </summary>
public static class Ladder
{
    /// <summary>Pixels that the autoencoder decodes in one call when no technique says otherwise: two frames of 512×512.</summary>
    internal const int UsualPixelsPerDecode = 2 * 512 * 512;

    private const int MinWindow = 4;
    private const int MaxWindow = 16;

    private static readonly string[] Order =
    [
        Rung.Resident, Rung.Sliced, Rung.EncodersReleased, Rung.SerialGuidance, Rung.DenoiserReleased,
        Rung.Streamed, Rung.Tiled, Rung.EightBit, Rung.Windows,
    ];

    /// <summary>Every rung's name, the least frugal first.</summary>
    public static IReadOnlyList<string> Names => Order;

    /// <summary>The place of a rung, 0 for the least frugal; −1 for a name that is none.</summary>
    public static int Position(string name) => Array.IndexOf(Order, name);

    /// <summary>The rungs of a film.</summary>
    /// <param name="manifest">Families whose networks' roles are not known have <c>resident</c> alone.</param>
    /// <param name="settings">The film. Serial guidance needs two halves; tiles need a picture larger than one (768 pixels along a side); windows need more frames than one holds.</param>
    /// <param name="provider">
    /// Weights are streamed on <c>cuda</c> alone: on the processor the copy would lie in the memory that is to be spared.
    /// </param>
    /// <remarks>
    /// The decoder comes only to decode from <c>serial_guidance</c> on, or from <c>denoiser_released</c> on where there is no guidance:
    /// with the halves in turn, a film of 512×512 with 16 frames needs most while it is encoded, and the decoder's 0.1 GB are in the way.
    /// <c>int8</c> is streamed where its variant is cut into units, else resident: then it needs more of the device than <c>streamed</c>
    /// but none of the host's memory, and <c>windows</c> builds on what came before it.
    /// A rung is left out for films that are too large for a run of its graph (<see cref="ModelComponent.MaxVoxels"/>): very large ones have none.
    /// A window is half the film's latent frames, rounded down to a multiple of 4, 4 … 16; windows overlap by half (reference 5.7).
    /// </remarks>
    public static IReadOnlyList<Rung> Of(ModelManifest manifest, PlanRequest settings, string provider)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(settings);
        var rungs = new List<Rung> { new(Rung.Resident, Techniques.None, Exact: true) };
        if (NetworkRoles.Of(manifest) is not { } roles)
        {
            return rungs;
        }

        var size = LatentSize.Of(manifest.Latent!, settings);
        var techniques = Exact(rungs, manifest.Components[roles.Denoiser], settings, provider);
        Inexact(rungs, techniques, manifest.Components[roles.Denoiser], size);
        return [.. rungs.Where(rung => Takes(manifest, roles.Denoiser, size.VoxelsOfRun(settings.Guided, rung.Techniques), rung.Techniques))];
    }

    private static bool Takes(ModelManifest manifest, string denoiser, long voxels, Techniques techniques) =>
        !(voxels > NetworkChoice.OfDenoiser(manifest, denoiser, techniques).MaxVoxels(manifest));

    /// <summary>Frames that go through the decoder in one call.</summary>
    internal static int FramesPerDecode(PlanRequest settings, Techniques techniques)
    {
        var usual = (int)Math.Max(1, UsualPixelsPerDecode / ((long)settings.Width * settings.Height));
        return Math.Min(settings.NumFrames, techniques.FramesPerDecode > 0 ? techniques.FramesPerDecode : usual);
    }

    private static Techniques Exact(List<Rung> rungs, ModelComponent denoiser, PlanRequest settings, string provider)
    {
        var techniques = new Techniques
        {
            FramesPerDecode = Math.Min(2, FramesPerDecode(settings, Techniques.None)), // large pictures go one by one anyway
            ChunkedFeedForward = true,
        };
        rungs.Add(new Rung(Rung.Sliced, techniques, Exact: true));
        techniques = techniques with { EncodersReleased = true };
        rungs.Add(new Rung(Rung.EncodersReleased, techniques, Exact: true));
        if (settings.Guided)
        {
            techniques = techniques with { SerialGuidance = true, DecoderReleased = true };
            rungs.Add(new Rung(Rung.SerialGuidance, techniques, Exact: true));
        }

        techniques = techniques with { DecoderReleased = true, DenoiserReleased = true };
        rungs.Add(new Rung(Rung.DenoiserReleased, techniques, Exact: true));
        if (denoiser.Units is { Count: > 0 } && provider == "cuda")
        {
            techniques = techniques with { Streamed = true };
            rungs.Add(new Rung(Rung.Streamed, techniques, Exact: true));
        }

        return techniques;
    }

    private static void Inexact(List<Rung> rungs, Techniques techniques, ModelComponent denoiser, LatentSize size)
    {
        if (size.Plane > size.TilePlane)
        {
            techniques = techniques with { Tiled = true, FramesPerDecode = 1 };
            rungs.Add(new Rung(Rung.Tiled, techniques, Exact: false));
        }

        if (denoiser.Variants?.GetValueOrDefault("int8") is { } eightBit)
        {
            var streamed = techniques.Streamed && eightBit.Units is { Count: > 0 };
            var smaller = techniques with { EightBit = true, Streamed = streamed };
            rungs.Add(new Rung(Rung.EightBit, smaller, Exact: false));
            techniques = streamed == techniques.Streamed ? smaller : techniques;
        }

        var window = Math.Clamp(size.Frames / 2 / 4 * 4, MinWindow, MaxWindow);
        if (size.Frames > window)
        {
            rungs.Add(new Rung(Rung.Windows, techniques with { WindowFrames = window }, Exact: false));
        }
    }
}
