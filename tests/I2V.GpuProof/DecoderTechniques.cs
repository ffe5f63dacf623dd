using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Weights;

namespace I2V.GpuProof;

/// <summary>The autoencoder's decoder: all frames in a call, two, one; and a picture in tiles.</summary>
internal sealed class DecoderTechniques(ModelPackage package, Options options, Report report, TechniqueLimits limits)
{
    /// <summary>Latent pixels: one tile high and two wide, whole ones, as in the tests of the product.</summary>
    private const int TiledHeight = 64, TiledWidth = 168;

    /// <summary>Latent pixels of a wave: tile and stride hold it a whole number of times, so that group norms see the same mean.</summary>
    private const double Period = 24;

    private const float Amplitude = 0.18f;
    private const double LeastPsnr = 40;

    private readonly I2VGenXlDecoder decoder = new(package.Manifest.Latent!, new Tiling());

    public void Run(FilmSize size) => report.Stage($"decoder {size} loaded", () =>
    {
        using var network = Network.Load(package, "vae_decoder", options.Device);
        var shape = new FilmShape(1, 4, size.Frames, size.Height / 8, size.Width / 8);
        var latents = new float[shape.Length];
        new RandomWeights("latents", 4).Read("decode", [latents.Length], latents);
        float[] Decode(int atOnce) => [.. Enumerable.Range(0, (size.Frames + atOnce - 1) / atOnce)
            .SelectMany(call => decoder.Planes(network, latents, shape, call * atOnce, Math.Min(atOnce, size.Frames - (call * atOnce)), tiled: false, CancellationToken.None))];

        var plain = Decode(size.Frames);
        var limit = limits.Of([$"vae-decoder-1x{size.Height}x{size.Width}"], "image");
        report.Stage($"decoder {size} again", () => Deviation.OfRepeat(Decode(size.Frames), plain));
        foreach (var atOnce in (int[])[2, 1])
        {
            var title = $"decoder {size} {atOnce} at once";
            report.Stage(title, () => Deviation.Of(report, title, Decode(atOnce), plain, limit));
        }

        return null;
    });

    /// <summary>A smooth picture, which is what a decoder makes of a real model's latents.</summary>
    public void Tile() => report.Stage("tiles", () =>
    {
        using var network = Network.Load(package, "vae_decoder", options.Device);
        var shape = new FilmShape(1, 4, 1, TiledHeight, TiledWidth);
        var latents = new float[shape.Length];
        for (var i = 0; i < latents.Length; i++)
        {
            var (plane, y, x) = (i / shape.Plane, i / shape.Width % shape.Height, i % shape.Width);
            latents[i] = Amplitude * (float)Math.Sin((2 * Math.PI * (x + y) / Period) + plane);
        }

        var whole = decoder.Planes(network, latents, shape, 0, 1, tiled: false, CancellationToken.None);
        var tiled = decoder.Planes(network, latents, shape, 0, 1, tiled: true, CancellationToken.None);
        var psnr = Errors.Psnr(tiled, whole, range: 2);
        report.Require("tiles: loss of PSNR below 40 dB", LeastPsnr - psnr, 0);
        return new JsonObject { ["psnr_db"] = Errors.Finite(psnr), ["least_db"] = LeastPsnr };
    });
}
