using System.Security.Cryptography;
using I2V.Inference.Imaging;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Tokenizers;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>
/// What I2VGen-XL knows of a request before any noise: its prompts, the picture's meaning, the picture's latents. Results
/// are kept in the processor's memory, so that another job with the same prompt or picture runs no encoder.
/// </summary>
internal sealed class I2VGenXlEncoders(I2VGenXlNetworks networks, ClipTokenizer tokenizer, ImageEncoderFacts facts, LatentFacts latent)
{
    // A prompt is 315 KB at full size, a picture's latents 450 KB at 1280×704.
    private const int KeptPrompts = 64;
    private const int KeptPictures = 16;

    private static readonly Dictionary<string, long> One = new() { ["b"] = 1 };

    private readonly LruCache<string, float[]> prompts = new(KeptPrompts);
    private readonly LruCache<(string Picture, int Width, ImageFit Fit), float[]> meanings = new(KeptPictures);
    private readonly LruCache<(string Picture, int Width, int Height, ImageFit Fit), float[]> moments = new(KeptPictures);

    /// <summary>How often the text, the image and the autoencoder's network had to run.</summary>
    public (int Text, int Image, int Autoencoder) Runs => (prompts.Misses, meanings.Misses, moments.Misses);

    /// <summary>A name for the picture's content.</summary>
    public static string Identity(RgbImage image) => $"{image.Width} {Convert.ToHexStringLower(SHA256.HashData(image.Pixels))}";

    /// <summary>[tokens, context width] of a prompt.</summary>
    public float[] Prompt(string prompt, CancellationToken ct)
    {
        var ids = tokenizer.Encode(prompt);
        return prompts.GetOrMake(string.Join(' ', ids), () =>
        {
            using var row = HostTensor.Of(ids, 1, ids.Length);
            return Checked(networks.TextEncoder.RunToArray(One, new Dictionary<string, OrtValue> { ["input_ids"] = row }, "prompt_embeds", ct), "a prompt's embedding");
        });
    }

    /// <summary>[context width]: what the picture shows. The reference looks at a square of the film's width, whatever its height.</summary>
    public float[] Meaning(RgbImage image, string identity, int width, ImageFit fit, CancellationToken ct) =>
        meanings.GetOrMake((identity, width, fit), () =>
        {
            var pixels = PictureTensors.ForImageEncoder(CenterCrop.Wide(image, width, width, fit), facts);
            using var picture = HostTensor.Of(pixels, 1, 3, facts.Size, facts.Size);
            return Checked(
                networks.ImageEncoder.RunToArray(One, new Dictionary<string, OrtValue> { ["pixel_values"] = picture }, "image_embeds", ct), "the picture's embedding");
        });

    /// <summary>[2 · channels, height, width]: mean and logarithm of the variance of the picture's latents, not scaled.</summary>
    public float[] Moments(RgbImage image, string identity, int width, int height, ImageFit fit, CancellationToken ct) =>
        moments.GetOrMake((identity, width, height, fit), () =>
        {
            var pixels = PictureTensors.ForAutoencoder(CenterCrop.Wide(image, width, height, fit));
            using var picture = HostTensor.Of(pixels, 1, 3, height, width);
            var sizes = new Dictionary<string, long>(One) { ["h"] = height / latent.Spatial, ["w"] = width / latent.Spatial };
            return Checked(networks.VaeEncoder.RunToArray(sizes, new Dictionary<string, OrtValue> { ["image"] = picture }, "moments", ct), "the picture's latents");
        });

    private static float[] Checked(float[] values, string what)
    {
        FiniteCheck.Require(values, GenerationPhase.Encoding, what);
        return values;
    }
}
