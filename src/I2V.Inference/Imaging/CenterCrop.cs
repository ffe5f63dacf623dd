using I2V.Media;

namespace I2V.Inference.Imaging;

/// <summary>
/// Fills a shape with the middle of a picture, as the reference pipeline does: shrunk or enlarged by a box filter until the
/// shape is covered, then cut.
/// </summary>
internal static class CenterCrop
{
    /// <param name="image">The picture.</param>
    /// <param name="width">Of the result.</param>
    /// <param name="height">Of the result.</param>
    /// <param name="fit">Whether the reference's black edge is kept.</param>
    public static RgbImage Wide(RgbImage image, int width, int height, ImageFit fit)
    {
        var scale = Math.Min((double)image.Width / width, (double)image.Height / height);
        var (wide, high) = ((int)FloorQuotient(image.Width, scale), (int)FloorQuotient(image.Height, scale));
        if (fit == ImageFit.Clamp)
        {
            (wide, high) = (Math.Max(wide, width), Math.Max(high, height));
        }

        // An arithmetic shift rounds down, as the reference's division does: a picture one pixel short starts at −1.
        return PictureResampler.Resize(image, wide, high, ResampleFilter.Box, new PictureWindow((wide - width) >> 1, (high - height) >> 1, width, height));
    }

    /// <summary>
    /// Python's <c>a // b</c> for floats, b positive: not the floor of the quotient, but the quotient of a less its exact
    /// remainder. The two differ when a/b, rounded, is whole but the exact quotient is just below.
    /// </summary>
    internal static double FloorQuotient(double a, double b)
    {
        var quotient = (a - (a % b)) / b;
        var floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }
}
