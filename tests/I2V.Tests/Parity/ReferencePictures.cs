using I2V.Media;

namespace I2V.Tests.Parity;

/// <summary>The pictures of the reference implementation's <c>pipeline.py</c>, by their formulas.</summary>
internal static class ReferencePictures
{
    /// <summary>(7x + 13y + 29c + ((x² + 3y² + 5xy) >> 4)) &amp; 255: detail everywhere. A shift makes another one of the kind.</summary>
    public static RgbImage Detailed(int width, int height, int shift = 0) =>
        Paint(width, height, (x, y, c) => (7 * (x + shift)) + (13 * y) + (29 * c) + ((((long)(x + shift) * (x + shift)) + (3L * y * y) + (5L * (x + shift) * y)) >> 4));

    /// <summary>Triangle waves of 64 + 32c pixels along x + y·(c + 1) + turn.</summary>
    public static RgbImage Soft(int width, int height, int turn = 0) => Paint(width, height, (x, y, c) =>
    {
        var period = 64 + (32 * c);
        var phase = (x + (y * (c + 1)) + turn) % period;
        return Math.Min(phase, period - phase) * 510 / period;
    });

    private static RgbImage Paint(int width, int height, Func<int, int, int, long> value)
    {
        var pixels = new byte[width * height * 3];
        Parallel.For(0, height, y =>
        {
            for (var i = 0; i < width * 3; i++)
            {
                pixels[(y * width * 3) + i] = (byte)value(i / 3, y, i % 3);
            }
        });
        return new RgbImage(width, height, pixels);
    }
}
