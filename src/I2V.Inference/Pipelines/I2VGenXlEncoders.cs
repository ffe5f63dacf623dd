using System.Security.Cryptography;
using I2V.Inference.Imaging;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Planning;
using I2V.Inference.Sampling;
using I2V.Inference.Tokenizers;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>
/// What I2VGen-XL knows of a request before any noise: its prompts, the picture's meaning, the picture's latents. Results
/// are kept in the processor's memory, so that another job with the same prompt or picture runs no encoder.
/// </summary>
internal sealed class I2VGenXlEncoders(I2VGenXlNetworks networks, ClipTokenizer tokenizer, ImageEncoderFacts facts, LatentFacts latent, Tiling tiling)
{
    /// <summary>Prompt, negative prompt, what the picture shows, its latents.</summary>
    private const int EncodingSteps = 4;

    // A prompt is 315 KB at full size, a picture's latents 450 KB at 1280×704.
    private const int KeptPrompts = 64;
    private const int KeptPictures = 16;

    private static readonly Dictionary<string, long> One = new() { ["b"] = 1 };

    private readonly LruCache<string, float[]> prompts = new(KeptPrompts);
    private readonly LruCache<(string Picture, int Width, ImageFit Fit), float[]> meanings = new(KeptPictures);
    private readonly LruCache<(string Picture, int Width, int Height, ImageFit Fit, bool Tiled), float[]> moments = new(KeptPictures);

    /// <summary>How often the text, the image and the autoencoder's network had to run.</summary>
    public (int Text, int Image, int Autoencoder) Runs => (prompts.Misses, meanings.Misses, moments.Misses);

    /// <summary>The counts of the caches since the beginning: prompts, what pictures show, their latents.</summary>
    public (CacheUse Prompts, CacheUse Images, CacheUse Latents) CacheUses =>
        (new(prompts.Hits, prompts.Misses), new(meanings.Hits, meanings.Misses), new(moments.Hits, moments.Misses));

    /// <summary>Looks at a request. Encoders that do not stay go one after the other, so that never two of them are there.</summary>
    public I2VGenXlKnowledge Encode(
        GenerationRequest request, FilmShape shape, Techniques techniques, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        var identity = Identity(request.Image);
        var done = 0;
        T Done<T>(T result)
        {
            progress?.Report(new GenerationProgress(GenerationPhase.Encoding, ++done, EncodingSteps));
            return result;
        }

        var positive = Done(Prompt(request.Prompt, ct));
        var negative = Done(shape.Halves == 2 ? Prompt(request.NegativePrompt, ct) : null);
        networks.Finish(I2VGenXlNetworks.TextEncoder);
        var meaning = Done(Meaning(request.Image, identity, request.Width, request.ImageFit, ct));
        networks.Finish(I2VGenXlNetworks.ImageEncoder);
        var moments = Done(Moments(request, identity, shape, techniques.Tiled, ct));
        networks.Finish(I2VGenXlNetworks.VaeEncoder);

        var noise = request.Noise?.Posterior ?? GaussianNoise.Make(shape.Channels * shape.Plane, request.Seed, NoiseStream.Posterior);
        var picture = PictureLatents.Draw(moments, noise, latent.Scaling);
        return new I2VGenXlKnowledge(negative is null ? [positive] : [negative, positive], meaning, picture);
    }

    /// <summary>A name for the picture's content.</summary>
    private static string Identity(RgbImage image) => $"{image.Width} {Convert.ToHexStringLower(SHA256.HashData(image.Pixels))}";

    /// <summary>[tokens, context width] of a prompt.</summary>
    private float[] Prompt(string prompt, CancellationToken ct)
    {
        var ids = tokenizer.Encode(prompt);
        return prompts.GetOrMake(string.Join(' ', ids), () =>
        {
            using var row = HostTensor.Of(ids, 1, ids.Length);
            return Checked(networks.Use(I2VGenXlNetworks.TextEncoder).RunToArray(One, new Dictionary<string, OrtValue> { ["input_ids"] = row }, "prompt_embeds", ct), "a prompt's embedding");
        });
    }

    /// <summary>[context width]: what the picture shows. The reference looks at a square of the film's width, whatever its height.</summary>
    private float[] Meaning(RgbImage image, string identity, int width, ImageFit fit, CancellationToken ct) =>
        meanings.GetOrMake((identity, width, fit), () =>
        {
            var pixels = PictureTensors.ForImageEncoder(CenterCrop.Wide(image, width, width, fit), facts);
            using var picture = HostTensor.Of(pixels, 1, 3, facts.Size, facts.Size);
            return Checked(
                networks.Use(I2VGenXlNetworks.ImageEncoder).RunToArray(One, new Dictionary<string, OrtValue> { ["pixel_values"] = picture }, "image_embeds", ct), "the picture's embedding");
        });

    /// <summary>[2 · channels, height, width]: mean and logarithm of the variance of the picture's latents, not scaled.</summary>
    private float[] Moments(GenerationRequest request, string identity, FilmShape shape, bool tiled, CancellationToken ct)
    {
        tiled &= tiling.IsNeeded(shape.Height, shape.Width); // what is a tile by itself comes out as without
        return moments.GetOrMake((identity, request.Width, request.Height, request.ImageFit, tiled), () =>
        {
            var pixels = PictureTensors.ForAutoencoder(CenterCrop.Wide(request.Image, request.Width, request.Height, request.ImageFit));
            var made = tiled ? TiledMoments(pixels, shape.Height, shape.Width, ct) : Moments(pixels, shape.Height, shape.Width, ct);
            return Checked(made, "the picture's latents");
        });
    }

    private float[] TiledMoments(float[] pixels, int height, int width, CancellationToken ct) => tiling.Assemble(
        height,
        width,
        2 * latent.Channels,
        scale: 1,
        (rows, columns) => Moments(Tiling.Cut(pixels, height, width, latent.Spatial, rows, columns), rows.Count, columns.Count, ct));

    private float[] Moments(float[] pixels, int height, int width, CancellationToken ct)
    {
        using var picture = HostTensor.Of(pixels, 1, 3, height * latent.Spatial, width * latent.Spatial);
        var sizes = new Dictionary<string, long>(One) { ["h"] = height, ["w"] = width };
        return networks.Use(I2VGenXlNetworks.VaeEncoder).RunToArray(sizes, new Dictionary<string, OrtValue> { ["image"] = picture }, "moments", ct);
    }

    private static float[] Checked(float[] values, string what)
    {
        FiniteCheck.Require(values, GenerationPhase.Encoding, what);
        return values;
    }
}
