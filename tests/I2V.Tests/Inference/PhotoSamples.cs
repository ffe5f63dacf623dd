using I2V.Media;

namespace I2V.Tests.Inference;

/// <summary>Pictures whose every pixel is known, so that a frame tells where the camera looked.</summary>
internal static class PhotoSamples
{
    /// <summary>
    /// Red grows from left to right, green from top to bottom; blue is 200: never black, so empty edges would show. What
    /// bytes cannot say is spread over the other direction, so that the mean over a line is exact to a tenth of a step.
    /// </summary>
    public static RgbImage Ramp(int width, int height) => Paint(width, height, (x, y) =>
        (Spread(20 + (200 * (x + 0.5) / width), y), Spread(20 + (200 * (y + 0.5) / height), x), 200));

    /// <summary>The same hash of a pixel's place for every run: detail everywhere.</summary>
    public static RgbImage Noise(int width, int height) => Paint(width, height, (x, y) =>
    {
        var hash = (uint)((x * 73856093) ^ (y * 19349663)) * 2654435761u;
        return ((byte)(hash >> 24), (byte)(hash >> 16), (byte)(hash >> 8));
    });

    public static RgbImage Paint(int width, int height, Func<int, int, (byte R, byte G, byte B)> colour)
    {
        var pixels = new byte[width * height * 3];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var at = ((y * width) + x) * 3;
                (pixels[at], pixels[at + 1], pixels[at + 2]) = colour(x, y);
            }
        }

        return new RgbImage(width, height, pixels);
    }

    private static byte Spread(double value, int line) => (byte)Math.Floor(value + (line * 0.6180339887 % 1));

    /// <summary>A channel at a pixel: 0 red, 1 green, 2 blue.</summary>
    public static int At(this RgbImage image, int x, int y, int channel) => image.Pixels[(((y * image.Width) + x) * 3) + channel];
}
