using I2V.Protocol.Workers;

namespace I2V.Protocol.Jobs;

/// <summary>Width and height of the film where the request leaves one or both open.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Clamped">True when the model's limits kept the film from having the photo's aspect ratio.</param>
public readonly record struct FilmSize(int Width, int Height, bool Clamped)
{
    /// <summary>
    /// Keeps the aspect ratio of the upright photo. With no side given the longest side is the model's default; with one given the
    /// other follows. Sides that are derived are rounded to the nearest multiple, given ones are taken as they are.
    /// </summary>
    public static FilmSize Derive(int? width, int? height, int photoWidth, int photoHeight, ModelLimits limits)
    {
        if (width is { } w && height is { } h)
        {
            return new FilmSize(w, h, Clamped: false);
        }

        var ratio = (double)photoWidth / photoHeight;
        if (width is { } given)
        {
            var (other, clamped) = Fit(given / ratio, limits.Height, limits);
            return new FilmSize(given, other, clamped);
        }

        if (height is { } tall)
        {
            var (other, clamped) = Fit(tall * ratio, limits.Width, limits);
            return new FilmSize(other, tall, clamped);
        }

        var longest = (double)limits.DefaultLongestSide;
        var (derivedWidth, clampedWidth) = Fit(ratio >= 1 ? longest : longest * ratio, limits.Width, limits);
        var (derivedHeight, clampedHeight) = Fit(ratio >= 1 ? longest / ratio : longest, limits.Height, limits);
        return new FilmSize(derivedWidth, derivedHeight, clampedWidth || clampedHeight);
    }

    /// <summary>What both sides are multiples of: video needs them even.</summary>
    public static int Multiple(ModelLimits limits) => limits.SizeMultipleOf % 2 == 0 ? limits.SizeMultipleOf : limits.SizeMultipleOf * 2;

    private static (int Side, bool Clamped) Fit(double side, IntRange range, ModelLimits limits)
    {
        var multiple = Multiple(limits);
        var least = (range.Min + multiple - 1) / multiple * multiple;
        var most = range.Max / multiple * multiple;
        var rounded = Math.Round(side / multiple, MidpointRounding.AwayFromZero) * multiple;
        return ((int)Math.Clamp(rounded, least, most), rounded < least || rounded > most);
    }
}
