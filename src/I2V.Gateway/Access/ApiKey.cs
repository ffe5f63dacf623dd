using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace I2V.Gateway.Access;

/// <summary>
/// <c>i2v_live_&lt;8 public&gt;_&lt;secret&gt;</c>. The public part finds the row and may be logged; the whole key is only ever
/// compared as an HMAC.
/// </summary>
internal sealed partial record ApiKey
{
    private ApiKey(string prefix, string text) => (Prefix, Text) = (prefix, text);

    /// <summary>The eight public characters.</summary>
    public string Prefix { get; }

    private string Text { get; }

    public static bool TryParse(string? text, [NotNullWhen(true)] out ApiKey? key)
    {
        key = text is not null && Form().Match(text) is { Success: true } match ? new ApiKey(match.Groups[1].Value, text) : null;
        return key is not null;
    }

    public byte[] Hash(ReadOnlySpan<byte> pepper) => HMACSHA256.HashData(pepper, Encoding.ASCII.GetBytes(Text));

    /// <summary>Never the secret, wherever a key ends up in a message.</summary>
    public override string ToString() => $"i2v_live_{Prefix}_…";

    [GeneratedRegex(@"\Ai2v_live_([0-9A-Za-z]{8})_[0-9A-Za-z_-]{43,200}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
