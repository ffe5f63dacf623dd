using I2V.Media;

namespace I2V.Inference.Sampling;

/// <summary>
/// A small picture straight from latents, one pixel for each of theirs: colours are nearly linear in the four channels of
/// Stable Diffusion's autoencoder. Costs microseconds, where decoding a frame costs a good part of a step.
/// </summary>
internal static class LatentPreview
{
    public const int Channels = 4;

    // Red, green and blue (−1 … 1) for each latent channel: the least-squares fit known for Stable Diffusion 1's autoencoder.
    private static readonly float[] Factors =
    [
        0.298f, 0.207f, 0.208f,
        0.187f, 0.286f, 0.173f,
        -0.158f, 0.189f, 0.264f,
        -0.184f, -0.271f, -0.473f,
    ];

    /// <param name="latents">[4, frames, height, width], scaled as for denoising.</param>
    /// <param name="frames">How many.</param>
    /// <param name="height">Of the latents.</param>
    /// <param name="width">Of the latents.</param>
    /// <param name="frame">Which one to show.</param>
    public static RgbImage Make(ReadOnlySpan<float> latents, int frames, int height, int width, int frame)
    {
        var size = height * width;
        var pixels = new byte[size * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var sum = 0f;
            for (var channel = 0; channel < Channels; channel++)
            {
                sum += latents[(((channel * frames) + frame) * size) + (i / 3)] * Factors[(channel * 3) + (i % 3)];
            }

            pixels[i] = (byte)Math.Clamp(((sum + 1) * 127.5f) + 0.5f, 0f, 255f);
        }

        return new RgbImage(width, height, pixels);
    }
}
