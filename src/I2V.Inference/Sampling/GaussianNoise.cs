namespace I2V.Inference.Sampling;

/// <summary>What noise is drawn for; each is independent of the others.</summary>
internal enum NoiseStream : uint
{
    /// <summary>The latents that denoising starts from.</summary>
    Latents = 0,

    /// <summary>The picture's latents, drawn from what the encoder says of them.</summary>
    Posterior = 1,

    /// <summary>Noise that a sampler adds after a step.</summary>
    Step = 2,
}

/// <summary>
/// Standard normal numbers from a seed: Philox4x32-10, Box–Muller in double, rounded to fp32. Element e takes the pair of
/// words (e mod 4) / 2 of block e / 4; the first of a pair has the cosine.
/// </summary>
internal static class GaussianNoise
{
    /// <summary>Names the algorithm; it changes when the same seed would give other numbers.</summary>
    public const string Version = "philox4x32-10/box-muller/1";

    private const int WordsPerBlock = 4;

    /// <param name="values">Filled from element 0 on.</param>
    /// <param name="seed">The key, all 64 bits of it.</param>
    /// <param name="stream">What for.</param>
    /// <param name="number">Tells several draws of one stream apart.</param>
    public static void Fill(Span<float> values, long seed, NoiseStream stream, uint number = 0)
    {
        Span<float> block = stackalloc float[WordsPerBlock];
        for (var start = 0; start < values.Length; start += WordsPerBlock)
        {
            var index = (uint)(start / WordsPerBlock);
            var (a, b, c, d) = Philox.Block(unchecked((ulong)seed), index, 0, (uint)stream, number);
            (block[0], block[1]) = Pair(a, b);
            (block[2], block[3]) = Pair(c, d);
            block[..Math.Min(WordsPerBlock, values.Length - start)].CopyTo(values[start..]);
        }
    }

    /// <summary>As many numbers as are wanted.</summary>
    public static float[] Make(int count, long seed, NoiseStream stream)
    {
        var values = new float[count];
        Fill(values, seed, stream);
        return values;
    }

    private static (float Cosine, float Sine) Pair(uint radius, uint angle)
    {
        const double Unit = 1.0 / 4294967296;

        // The radius' uniform number is in (0, 1]: its logarithm is finite.
        var r = Math.Sqrt(-2 * Math.Log((radius + 1.0) * Unit));
        var (sine, cosine) = Math.SinCos(2 * Math.PI * (angle * Unit));
        return ((float)(r * cosine), (float)(r * sine));
    }
}
