using System.Globalization;
using System.Text.RegularExpressions;

namespace I2V.Inference.Devices;

/// <summary>Bytes as people write limits: <c>8589934592</c>, <c>8GB</c>, <c>7.5 GiB</c>. As with memory cards, KB, MB, GB and TB are powers of 1024.</summary>
public static partial class ByteSize
{
    /// <summary>For attributes that check options.</summary>
    public const string Pattern = @"(?i)^\s*(?<number>\d{1,18}(\.\d{1,6})?)\s*(?<unit>[KMGT]i?)?B?\s*$";

    private const string Units = "KMGT";

    /// <returns>Null when the text is no such size, or one that no memory has.</returns>
    public static long? TryParse(string? text)
    {
        var match = Written().Match(text ?? "");
        if (!match.Success)
        {
            return null;
        }

        var number = decimal.Parse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
        var power = match.Groups["unit"] is { Length: > 0 } unit ? Units.IndexOf(unit.Value[0], StringComparison.OrdinalIgnoreCase) + 1 : 0;
        var bytes = number * (1L << (10 * power));
        return bytes is >= 1 and <= long.MaxValue ? (long)bytes : null;
    }

    [GeneratedRegex(Pattern, RegexOptions.ExplicitCapture)]
    private static partial Regex Written();
}
