using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Inference.Sampling;

namespace I2V.Tests.Inference.Pipelines;

public sealed class I2VGenXlDecoderTests(TinyI2VGenXl tiny)
{
    private const int Side = 16;
    private const int Frames = 5;

    private static readonly FilmShape Shape = new(Halves: 1, Channels: 4, Frames, Side, Side);
    private static readonly float[] Latents = GaussianNoise.Make(Shape.Length, seed: 1, NoiseStream.Latents);

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(0, 2 * 128 * 128, 2)]
    [InlineData(1, 100 * 128 * 128, 1)]
    [InlineData(2, 1, 2)]
    [InlineData(3, 1, 3)]
    [InlineData(9, 1, 5)]
    public async Task As_many_frames_are_made_in_a_call_as_is_asked_or_else_as_pixels_allow(int framesPerDecode, int pixelsPerCall, int expected)
    {
        var package = await tiny.PackageAsync();
        using var network = Network.Load(package, "vae_decoder", new DeviceOptions());
        var decoder = new I2VGenXlDecoder(package.Manifest.Latent!, new Tiling(), pixelsPerCall);
        var techniques = new Techniques { FramesPerDecode = framesPerDecode };

        var counts = new List<int>();
        for (var made = 0; made < Frames; made += counts[^1])
        {
            counts.Add(decoder.Decode(network, Latents, Shape, made, techniques, TestContext.Current.CancellationToken).Count);
        }

        Assert.All(counts.SkipLast(1), count => Assert.Equal(expected, count));
        Assert.Equal(Frames, counts.Sum());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Frames_decoded_in_slices_are_those_decoded_together(int slice)
    {
        var package = await tiny.PackageAsync();
        using var network = Network.Load(package, "vae_decoder", new DeviceOptions());

        var together = Planes(network, package.Manifest.Latent!, 0, Frames);
        var sliced = new List<float>();
        for (var first = 0; first < Frames; first += slice)
        {
            sliced.AddRange(Planes(network, package.Manifest.Latent!, first, Math.Min(slice, Frames - first)));
        }

        Assert.InRange(Films.RelativeError(together, [.. sliced]), 0, 1e-5);
    }

    private static float[] Planes(Network network, LatentFacts latent, int first, int count) =>
        new I2VGenXlDecoder(latent, new Tiling()).Planes(network, Latents, Shape, first, count, tiled: false, TestContext.Current.CancellationToken);
}
