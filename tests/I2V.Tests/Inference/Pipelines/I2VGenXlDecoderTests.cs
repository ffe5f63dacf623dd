using I2V.Inference.Pipelines;
using I2V.Inference.Sampling;

namespace I2V.Tests.Inference.Pipelines;

public sealed class I2VGenXlDecoderTests(TinyI2VGenXl tiny)
{
    private const int Side = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(2 * 128 * 128)]
    [InlineData(3 * 128 * 128)]
    public async Task Frames_decoded_in_several_calls_are_those_decoded_alone(int pixelsPerCall)
    {
        var package = await tiny.PackageAsync();
        using var network = Network.Load(package, "vae_decoder", new DeviceOptions());
        var decoder = new I2VGenXlDecoder(network, package.Manifest.Latent!, pixelsPerCall);
        var shape = new FilmShape(Halves: 1, Channels: 4, Frames: 3, Side, Side);
        var latents = new float[shape.Length];
        GaussianNoise.Fill(latents, seed: 1, NoiseStream.Latents);

        var film = decoder.Decode(latents, shape, TestContext.Current.CancellationToken).ToList();

        Assert.Equal(3, film.Count);
        for (var frame = 0; frame < 3; frame++)
        {
            var own = Enumerable.Range(0, 4).SelectMany(channel => latents.Skip(((channel * 3) + frame) * Side * Side).Take(Side * Side)).ToArray();
            var alone = Assert.Single(decoder.Decode(own, shape with { Frames = 1 }, TestContext.Current.CancellationToken));
            Assert.True(film[frame].Pixels.Zip(alone.Pixels, (a, b) => Math.Abs(a - b)).Max() <= 1);
        }
    }
}
