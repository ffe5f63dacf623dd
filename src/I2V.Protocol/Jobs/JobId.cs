using System.Diagnostics.CodeAnalysis;

namespace I2V.Protocol.Jobs;

/// <summary>A job's public name: <c>job_</c> and 32 hexadecimal digits of a UUIDv7, so that names sort by creation time.</summary>
public static class JobId
{
    private const string Prefix = "job_";

    public static string Format(Guid id) => Prefix + id.ToString("N");

    public static bool TryParse([NotNullWhen(true)] string? text, out Guid id)
    {
        id = default;
        return text is not null
            && text.StartsWith(Prefix, StringComparison.Ordinal)
            && Guid.TryParseExact(text.AsSpan(Prefix.Length), "N", out id);
    }
}
