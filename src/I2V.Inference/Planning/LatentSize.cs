using I2V.Inference.Models;

namespace I2V.Inference.Planning;

/// <summary>A film's sizes as its latents have them.</summary>
internal readonly record struct LatentSize(int Frames, int Height, int Width)
{
    /// <summary>Latent rows and columns of the largest tile: the size that the autoencoder was trained with (768 pixels, reference 5.6).</summary>
    public const int TileSide = 96;

    public long Plane => (long)Height * Width;

    /// <summary>Of the part that goes through the autoencoder at once when tiles are used.</summary>
    public long TilePlane => (long)Math.Min(Height, TileSide) * Math.Min(Width, TileSide);

    /// <summary>Of one run of the denoiser: guidance halves · frames · rows · columns.</summary>
    public long VoxelsOfRun(bool guided, Techniques techniques)
    {
        var halves = guided && !techniques.SerialGuidance ? 2 : 1;
        var frames = techniques.WindowFrames > 0 ? Math.Min(techniques.WindowFrames, Frames) : Frames;
        return halves * frames * Plane;
    }

    public static LatentSize Of(LatentFacts latent, PlanRequest settings) => new(
        ((settings.NumFrames - 1) / latent.Temporal) + 1, settings.Height / latent.Spatial, settings.Width / latent.Spatial);
}
