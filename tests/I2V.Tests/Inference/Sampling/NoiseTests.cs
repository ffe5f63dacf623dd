using I2V.Inference.Sampling;

namespace I2V.Tests.Inference.Sampling;

public sealed class NoiseTests
{
    /// <summary>The second row is the known answer of the paper's own test for a counter and key of ones.</summary>
    [Theory]
    [InlineData(0ul, 0u, "6627e8d5 e169c58d bc57ac4c 9b00dbd8")]
    [InlineData(ulong.MaxValue, uint.MaxValue, "408f276d 41c83b0e a20bc7c6 6d5451fd")]
    public void Philox_gives_the_known_words(ulong key, uint counter, string words)
    {
        var (a, b, c, d) = Philox.Block(key, counter, counter, counter, counter);

        Assert.Equal(words, $"{a:x8} {b:x8} {c:x8} {d:x8}");
    }

    [Fact]
    public void The_first_numbers_of_a_seed_follow_from_the_formula()
    {
        var noise = Draw(4, seed: 0);
        var (a, b, c, d) = (0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u);

        Assert.Equal((float)(Radius(a) * Math.Cos(Angle(b))), noise[0], 1e-7);
        Assert.Equal((float)(Radius(a) * Math.Sin(Angle(b))), noise[1], 1e-7);
        Assert.Equal((float)(Radius(c) * Math.Cos(Angle(d))), noise[2], 1e-7);
        Assert.Equal((float)(Radius(c) * Math.Sin(Angle(d))), noise[3], 1e-7);
    }

    [Fact]
    public void The_numbers_are_standard_normal()
    {
        var noise = Draw(400_000, seed: 42);

        Assert.Equal(0, noise.Average(), 0.006);
        Assert.Equal(1, noise.Average(value => (double)value * value), 0.01);
        Assert.Equal(0, noise.Average(value => Math.Pow(value, 3)), 0.03);
        Assert.Equal(3, noise.Average(value => Math.Pow(value, 4)), 0.1);
        Assert.Equal(0.0455, noise.Count(value => Math.Abs(value) > 2) / 400_000.0, 0.002);
        Assert.Equal(0, noise.Zip(noise.Skip(1), (x, y) => (double)x * y).Average(), 0.006);
    }

    [Fact]
    public void A_longer_draw_starts_with_the_shorter_one() => Assert.Equal(Draw(6, seed: 5), Draw(1000, seed: 5)[..6]);

    [Fact]
    public void Seeds_streams_and_draws_are_independent()
    {
        float[][] draws =
        [
            Draw(5000, seed: 1), Draw(5000, seed: 2), Draw(5000, seed: -1), Draw(5000, seed: 1L << 32),
            Draw(5000, seed: 1, NoiseStream.Posterior), Draw(5000, seed: 1, NoiseStream.Step), Draw(5000, seed: 1, NoiseStream.Step, number: 1),
        ];

        for (var i = 0; i < draws.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                Assert.Equal(0, draws[i].Zip(draws[j], (x, y) => (double)x * y).Average(), 0.06);
            }
        }
    }

    private static float[] Draw(int count, long seed, NoiseStream stream = NoiseStream.Latents, uint number = 0)
    {
        var noise = new float[count];
        GaussianNoise.Fill(noise, seed, stream, number);
        return noise;
    }

    private static double Radius(uint word) => Math.Sqrt(-2 * Math.Log((word + 1.0) / 4294967296.0));

    private static double Angle(uint word) => 2 * Math.PI * word / 4294967296.0;
}
