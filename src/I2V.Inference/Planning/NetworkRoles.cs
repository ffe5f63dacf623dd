using I2V.Inference.Models;

namespace I2V.Inference.Planning;

/// <summary>Which of a package's networks does what. Techniques exist for families whose roles are known.</summary>
internal sealed record NetworkRoles(string TextEncoder, string ImageEncoder, string PictureEncoder, string Conditioning, string Denoiser, string Decoder)
{
    private static readonly NetworkRoles I2VGenXl = new("text_encoder", "image_encoder", "vae_encoder", "conditioning", "unet", "vae_decoder");

    /// <summary>Those that a film needs before its first step and never again.</summary>
    public IReadOnlyList<string> Encoders => [TextEncoder, ImageEncoder, PictureEncoder, Conditioning];

    /// <summary>Null for families that run in one piece, whatever the card.</summary>
    public static NetworkRoles? Of(ModelManifest manifest) =>
        manifest.Family == "i2vgen-xl" && manifest.Latent is not null && I2VGenXl.All.All(manifest.Components.ContainsKey) ? I2VGenXl : null;

    private IEnumerable<string> All => [.. Encoders, Denoiser, Decoder];
}
