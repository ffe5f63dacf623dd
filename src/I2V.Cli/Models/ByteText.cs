using System.Globalization;

namespace I2V.Cli.Models;

/// <summary>Bytes as people read them: powers of ten, as disks and downloads are sold.</summary>
internal static class ByteText
{
    public static string Of(long bytes) => bytes switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB"),
    };

    public static string Of(long bytes, long total) => $"{Of(bytes)} of {Of(total)}";
}
