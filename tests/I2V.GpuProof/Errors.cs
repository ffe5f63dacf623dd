namespace I2V.GpuProof;

/// <summary>How far results are from what they should be.</summary>
internal static class Errors
{
    /// <summary>‖actual − expected‖ / ‖expected‖; infinite when a value is not finite.</summary>
    public static double Relative(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        if (actual.Length != expected.Length)
        {
            throw new ArgumentException($"{actual.Length} values were compared with {expected.Length}.");
        }

        double difference = 0, size = 0;
        for (var i = 0; i < actual.Length; i++)
        {
            var d = (double)actual[i] - expected[i];
            difference += d * d;
            size += (double)expected[i] * expected[i];
        }

        return double.IsFinite(difference) ? Math.Sqrt(difference / size) : double.PositiveInfinity;
    }

    /// <summary>Peak signal-to-noise ratio in dB of bytes; infinite when they are equal.</summary>
    public static double Psnr(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length)
        {
            throw new ArgumentException($"{a.Length} bytes were compared with {b.Length}.");
        }

        double sum = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }

        return 10 * Math.Log10(255.0 * 255 * a.Length / sum);
    }

    /// <summary>The same of numbers that lie within <paramref name="range"/>.</summary>
    public static double Psnr(ReadOnlySpan<float> a, ReadOnlySpan<float> b, double range)
    {
        if (a.Length != b.Length)
        {
            throw new ArgumentException($"{a.Length} values were compared with {b.Length}.");
        }

        double sum = 0;
        for (var i = 0; i < a.Length; i++)
        {
            var d = (double)a[i] - b[i];
            sum += d * d;
        }

        return 10 * Math.Log10(range * range * a.Length / sum);
    }

    /// <summary>JSON has no infinity: null stands for what is equal.</summary>
    public static double? Finite(double psnr) => double.IsFinite(psnr) ? psnr : null;
}
