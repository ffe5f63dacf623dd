using I2V.Inference.Models;

namespace I2V.Inference.Pipelines;

/// <summary>A film's sizes as its latents have them.</summary>
/// <param name="Halves">2 with classifier-free guidance, else 1.</param>
/// <param name="Channels">Of a latent pixel.</param>
/// <param name="Frames">Latent frames, which for this family are the film's.</param>
/// <param name="Height">Latent rows.</param>
/// <param name="Width">Latent columns.</param>
internal readonly record struct FilmShape(int Halves, int Channels, int Frames, int Height, int Width)
{
    /// <summary>Latent pixels of a frame.</summary>
    public int Plane => Height * Width;

    /// <summary>Numbers in the latents of one half.</summary>
    public int Length => Channels * Frames * Plane;

    public static FilmShape Of(LatentFacts latent, GenerationRequest request, bool guided) =>
        new(guided ? 2 : 1, latent.Channels, request.NumFrames, request.Height / latent.Spatial, request.Width / latent.Spatial);

    /// <summary>By the names in the graphs' formulas.</summary>
    public Dictionary<string, long> Sizes() => new() { ["b"] = Halves, ["f"] = Frames, ["h"] = Height, ["w"] = Width };
}
