using I2V.Inference.Models;
using I2V.Media;

namespace I2V.Inference.Imaging;

/// <summary>Pictures as the networks take them: [3, height, width], red first.</summary>
internal static class PictureTensors
{
    private const int Channels = 3;

    /// <summary>For the autoencoder: −1 … 1.</summary>
    public static float[] ForAutoencoder(RgbImage image) => Planes(image, (value, _) => (2 * (value / 255f)) - 1);

    /// <summary>For the image encoder: the square middle, resized, less the mean, by the standard deviation.</summary>
    /// <param name="square">The picture, cut to a square.</param>
    /// <param name="facts">Size and constants of the encoder.</param>
    public static float[] ForImageEncoder(RgbImage square, ImageEncoderFacts facts)
    {
        var mean = facts.Mean.Select(value => (float)value).ToArray();
        var std = facts.Std.Select(value => (float)value).ToArray();
        var small = PictureResampler.Resize(square, facts.Size, facts.Size, ResampleFilter.Bilinear);
        return Planes(small, (value, channel) => ((value / 255f) - mean[channel]) / std[channel]);
    }

    /// <summary>A decoded frame: 0.5·x + 0.5, cut to 0 … 1, times 255, halves to even.</summary>
    /// <param name="planes">[3, height, width], about −1 … 1, finite.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    public static RgbImage ToImage(ReadOnlySpan<float> planes, int width, int height)
    {
        var size = width * height;
        var pixels = new byte[size * Channels];
        for (var channel = 0; channel < Channels; channel++)
        {
            var plane = planes.Slice(channel * size, size);
            for (var i = 0; i < size; i++)
            {
                pixels[(i * Channels) + channel] = (byte)MathF.Round(Math.Clamp((plane[i] * 0.5f) + 0.5f, 0f, 1f) * 255f, MidpointRounding.ToEven);
            }
        }

        return new RgbImage(width, height, pixels);
    }

    private static float[] Planes(RgbImage image, Func<byte, int, float> convert)
    {
        var size = image.Width * image.Height;
        var planes = new float[size * Channels];
        for (var channel = 0; channel < Channels; channel++)
        {
            // A channel has only 256 values.
            var values = Enumerable.Range(0, 256).Select(value => convert((byte)value, channel)).ToArray();
            for (var i = 0; i < size; i++)
            {
                planes[(channel * size) + i] = values[image.Pixels[(i * Channels) + channel]];
            }
        }

        return planes;
    }
}
