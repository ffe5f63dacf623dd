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

    public static LatentSize Of(LatentFacts latent, PlanRequest settings) => new(
        ((settings.NumFrames - 1) / latent.Temporal) + 1, settings.Height / latent.Spatial, settings.Width / latent.Spatial);
}
