using I2V.Inference.Pipelines;
using I2V.Media;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>How much films and tensors differ.</summary>
internal static class Films
{
    /// <summary>‖a − b‖ / ‖a‖.</summary>
    public static double RelativeError(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var error = expected.Zip(actual, (a, b) => Math.Pow((double)a - b, 2)).Sum();
        return Math.Sqrt(error / expected.Sum(value => (double)value * value));
    }

    /// <summary>Decibels, for numbers that span <paramref name="range"/>.</summary>
    public static double Psnr(float[] expected, float[] actual, double range)
    {
        Assert.Equal(expected.Length, actual.Length);
        return 10 * Math.Log10(range * range / expected.Zip(actual, (a, b) => Math.Pow((double)a - b, 2)).Average());
    }

    public static byte[] Pixels(IEnumerable<RgbImage> film) => [.. film.SelectMany(frame => frame.Pixels)];

    public static byte[] Pixels(IVideoPipeline pipeline, GenerationRequest request) => Pixels(TinyI2VGenXl.Film(pipeline, request));
}
