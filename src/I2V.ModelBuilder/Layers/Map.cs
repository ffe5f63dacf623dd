using System.Globalization;
using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Layers;

/// <summary>
/// Pictures of features: [images, height, width, channels] in the fused target, [images, channels, height, width] in the
/// portable one. Sizes are formulas of the request.
/// </summary>
/// <param name="Value">The tensor.</param>
/// <param name="Channels">How many.</param>
/// <param name="Images">How many, such as <c>b*f</c>.</param>
/// <param name="Height">Such as <c>h/2</c>; the frames where the height axis is time.</param>
/// <param name="Width">Such as <c>w/2</c>; all pixels where the height axis is time.</param>
internal sealed record Map(Value Value, int Channels, string Images, string Height, string Width)
{
    public string Pixels => $"{Height}*{Width}";

    /// <summary>With sides of half the length.</summary>
    public Map Halved(Value value, int channels) => new(value, channels, Images, Scaled(Height, 1, 2), Scaled(Width, 1, 2));

    /// <summary>With sides of twice the length.</summary>
    public Map Doubled(Value value) => new(value, Channels, Images, Scaled(Height, 2, 1), Scaled(Width, 2, 1));

    /// <summary>Pixels of one of 1, 2 or 4 equal parts, for sides that are multiples of the level's own.</summary>
    public string Chunk(int parts) => parts switch
    {
        1 => Pixels,
        2 => $"{Scaled(Height, 1, 2)}*{Width}",
        4 => $"{Scaled(Height, 1, 2)}*{Scaled(Width, 1, 2)}",
        _ => throw new ArgumentOutOfRangeException(nameof(parts)),
    };

    /// <summary>Multiplies a size that is a number, a name, or a name times or divided by a power of two.</summary>
    private static string Scaled(string size, int times, int over)
    {
        if (int.TryParse(size, CultureInfo.InvariantCulture, out var number))
        {
            return (number * times / over).ToString(CultureInfo.InvariantCulture);
        }

        var star = size.IndexOf('*', StringComparison.Ordinal);
        var slash = size.IndexOf('/', StringComparison.Ordinal);
        var name = star >= 0 ? size[(star + 1)..] : slash >= 0 ? size[..slash] : size;
        var up = (star >= 0 ? Number(size[..star]) : 1) * times;
        var down = (slash >= 0 ? Number(size[(slash + 1)..]) : 1) * over;
        var common = Math.Min(up, down);
        (up, down) = (up / common, down / common);
        return up > 1 ? $"{up}*{name}" : down > 1 ? $"{name}/{down}" : name;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}

/// <summary>Rows of features: [groups, length, channels]; attention looks along the length.</summary>
/// <param name="Value">The tensor.</param>
/// <param name="Channels">How many.</param>
/// <param name="Groups">A formula.</param>
/// <param name="Length">A formula.</param>
internal sealed record Tokens(Value Value, int Channels, string Groups, string Length)
{
    public string Shape => $"{Groups},{Length},{Channels}";

    public Tokens With(Value value) => this with { Value = value };
}
