namespace I2V.Inference.Imaging;

/// <summary>How a pixel is weighed by its distance, in output pixels when shrinking.</summary>
internal enum ResampleFilter
{
    Box,
    Bilinear,
    Bicubic,
    Lanczos,
}

/// <summary>The weights of one output pixel: those of the input pixels from <paramref name="Start"/> on.</summary>
/// <param name="Start">First input pixel that counts.</param>
/// <param name="Weights">Times 2²², rounded half away from zero.</param>
internal readonly record struct ResampleWindow(int Start, int[] Weights);

/// <summary>The kernels of Pillow's resampling, in its order of operations, since its rounding is to be met exactly.</summary>
internal static class ResampleKernel
{
    /// <summary>Bits of a weight behind the point.</summary>
    public const int Precision = 22;

    /// <summary>Windows of the output pixels <paramref name="from"/> … <paramref name="from"/> + <paramref name="count"/> − 1.</summary>
    /// <param name="filter">The kernel.</param>
    /// <param name="input">Pixels of the whole input line.</param>
    /// <param name="output">Pixels of the whole output line.</param>
    /// <param name="from">First output pixel wanted.</param>
    /// <param name="count">Output pixels wanted.</param>
    public static ResampleWindow[] Windows(ResampleFilter filter, int input, int output, int from, int count)
    {
        var scale = (double)input / output;
        var stretch = Math.Max(scale, 1.0);
        var support = Support(filter) * stretch;
        var windows = new ResampleWindow[count];
        for (var i = 0; i < count; i++)
        {
            var center = (from + i + 0.5) * scale;
            var start = Math.Max(0, (int)(center - support + 0.5));
            var end = Math.Min(input, (int)(center + support + 0.5));
            windows[i] = new ResampleWindow(start, Weights(filter, start, end - start, center, 1.0 / stretch));
        }

        return windows;
    }

    private static int[] Weights(ResampleFilter filter, int start, int count, double center, double shrink)
    {
        var weights = new double[count];
        var sum = 0.0;
        for (var i = 0; i < count; i++)
        {
            weights[i] = Weight(filter, (i + start - center + 0.5) * shrink);
            sum += weights[i];
        }

        return Array.ConvertAll(weights, weight =>
        {
            var share = (sum == 0 ? weight : weight / sum) * (1 << Precision);
            return (int)(share < 0 ? share - 0.5 : share + 0.5);
        });
    }

    private static double Support(ResampleFilter filter) => filter switch
    {
        ResampleFilter.Box => 0.5,
        ResampleFilter.Bilinear => 1,
        ResampleFilter.Bicubic => 2,
        ResampleFilter.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, null),
    };

    private static double Weight(ResampleFilter filter, double x)
    {
        var distance = Math.Abs(x);
        return filter switch
        {
            ResampleFilter.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
            ResampleFilter.Bilinear => distance < 1 ? 1 - distance : 0,
            ResampleFilter.Bicubic => Cubic(distance),
            _ => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        };
    }

    /// <summary>Keys' kernel with a = −½.</summary>
    private static double Cubic(double x)
    {
        const double A = -0.5;
        return x < 1 ? ((((A + 2) * x) - (A + 3)) * x * x) + 1
            : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * A
            : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
