using I2V.Media;

namespace I2V.Inference.Imaging;

/// <summary>A part of a picture, in its pixels; it may reach beyond the picture.</summary>
internal readonly record struct PictureWindow(int X, int Y, int Width, int Height);

/// <summary>
/// Resizes as Pillow does, to the bit: first along rows to 8 bits, then along columns, weights as 22-bit fixed point. Only
/// the window asked for is computed, so that a very long picture costs no more than its visible part.
/// </summary>
internal static class PictureResampler
{
    private const int Channels = 3;

    public static RgbImage Resize(RgbImage image, int width, int height, ResampleFilter filter) =>
        Resize(image, width, height, filter, new PictureWindow(0, 0, width, height));

    /// <summary>The window of the resized picture; black where it reaches beyond.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">Of the whole resized picture.</param>
    /// <param name="height">Of the whole resized picture.</param>
    /// <param name="filter">The kernel.</param>
    /// <param name="window">What is returned, in pixels of the resized picture.</param>
    public static RgbImage Resize(RgbImage image, int width, int height, ResampleFilter filter, PictureWindow window)
    {
        var result = new byte[checked(window.Width * window.Height * Channels)];
        var (left, right) = (Math.Max(window.X, 0), Math.Min(window.X + window.Width, width));
        var (top, bottom) = (Math.Max(window.Y, 0), Math.Min(window.Y + window.Height, height));
        if (left < right && top < bottom)
        {
            var across = ResampleKernel.Windows(filter, image.Width, width, left, right - left);
            var down = ResampleKernel.Windows(filter, image.Height, height, top, bottom - top);
            var target = result.AsSpan((((top - window.Y) * window.Width) + left - window.X) * Channels);
            Columns(Rows(image, across, down), across.Length, down, target, window.Width * Channels);
        }

        return new RgbImage(window.Width, window.Height, result);
    }

    /// <summary>Every input row that some output row needs, with its new width; rows above the first of them are left out.</summary>
    private static byte[] Rows(RgbImage image, ResampleWindow[] across, ResampleWindow[] down)
    {
        var first = down[0].Start;
        var rows = down.Max(window => window.Start + window.Weights.Length) - first;
        var result = new byte[checked(rows * across.Length * Channels)];
        for (var y = 0; y < rows; y++)
        {
            var source = image.Pixels.AsSpan((first + y) * image.Width * Channels, image.Width * Channels);
            var target = result.AsSpan(y * across.Length * Channels);
            for (var x = 0; x < across.Length; x++)
            {
                Pixel(source[(across[x].Start * Channels)..], Channels, across[x].Weights, target[(x * Channels)..]);
            }
        }

        return result;
    }

    private static void Columns(byte[] rows, int width, ResampleWindow[] down, Span<byte> target, int stride)
    {
        var first = down[0].Start;
        for (var y = 0; y < down.Length; y++)
        {
            var source = rows.AsSpan((down[y].Start - first) * width * Channels);
            for (var x = 0; x < width; x++)
            {
                Pixel(source[(x * Channels)..], width * Channels, down[y].Weights, target[((y * stride) + (x * Channels))..]);
            }
        }
    }

    private static void Pixel(ReadOnlySpan<byte> source, int step, int[] weights, Span<byte> target)
    {
        const int Half = 1 << (ResampleKernel.Precision - 1);
        var (red, green, blue) = (Half, Half, Half);
        var at = 0;
        foreach (var weight in weights)
        {
            red += source[at] * weight;
            green += source[at + 1] * weight;
            blue += source[at + 2] * weight;
            at += step;
        }

        target[0] = Clip(red);
        target[1] = Clip(green);
        target[2] = Clip(blue);
    }

    private static byte Clip(int sum) => (byte)Math.Clamp(sum >> ResampleKernel.Precision, 0, 255);
}
