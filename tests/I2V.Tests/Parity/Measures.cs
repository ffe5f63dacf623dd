namespace I2V.Tests.Parity;

/// <summary>How far two results are apart.</summary>
internal static class Measures
{
    /// <summary>‖found − expected‖ / ‖expected‖, in double.</summary>
    public static double Relative(ReadOnlySpan<float> found, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, found.Length);
        var (difference, size) = (0.0, 0.0);
        for (var i = 0; i < found.Length; i++)
        {
            difference += ((double)found[i] - expected[i]) * ((double)found[i] - expected[i]);
            size += (double)expected[i] * expected[i];
        }

        return Math.Sqrt(difference / size);
    }

    /// <summary>The largest difference of two elements.</summary>
    public static double Largest(ReadOnlySpan<float> found, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, found.Length);
        var largest = 0.0;
        for (var i = 0; i < found.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs((double)found[i] - expected[i]));
        }

        return largest;
    }

    /// <summary>The largest difference of two bytes.</summary>
    public static int Largest(ReadOnlySpan<byte> found, ReadOnlySpan<byte> expected)
    {
        Assert.Equal(expected.Length, found.Length);
        var largest = 0;
        for (var i = 0; i < found.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(found[i] - expected[i]));
        }

        return largest;
    }

    /// <summary>Peak signal-to-noise ratio of two films in bytes, in dB; infinite when they are equal.</summary>
    public static double Psnr(ReadOnlySpan<byte> found, ReadOnlySpan<byte> expected)
    {
        Assert.Equal(expected.Length, found.Length);
        var squares = 0L;
        for (var i = 0; i < found.Length; i++)
        {
            squares += (found[i] - expected[i]) * (found[i] - expected[i]);
        }

        return squares == 0 ? double.PositiveInfinity : 10 * Math.Log10(255.0 * 255 * found.Length / squares);
    }

    public static void Print(FormattableString line) => TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant(line));
}
