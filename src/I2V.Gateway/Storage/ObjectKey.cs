using System.Buffers;

namespace I2V.Gateway.Storage;

/// <summary>
/// The one rule for names of objects: segments of lower-case letters, digits, <c>.</c>, <c>_</c> and <c>-</c> that begin with
/// a letter or digit, joined by <c>/</c>; at most 512 characters. So no key can leave the folder store's folder, name one
/// of its temporary files, or need escaping in a URL.
/// </summary>
internal static class ObjectKey
{
    public const int MaxLength = 512;

    private const int MaxSegment = 128;

    private static readonly SearchValues<char> Allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <exception cref="ArgumentException">Not a key.</exception>
    public static string Check(string key) =>
        IsValid(key) ? key : throw new ArgumentException($"'{key}' is not an object key: lower-case letters, digits, '.', '_' and '-' in segments joined by '/'.", nameof(key));

    /// <summary>A prefix is a key that ends with <c>/</c>, or nothing at all for every object.</summary>
    /// <exception cref="ArgumentException">Not a prefix.</exception>
    public static string CheckPrefix(string prefix) =>
        prefix.Length == 0 || (prefix.EndsWith('/') && IsValid(prefix[..^1]))
            ? prefix
            : throw new ArgumentException($"'{prefix}' is not a prefix of object keys: whole segments, each followed by '/'.", nameof(prefix));

    public static bool IsValid(string key)
    {
        if (key.Length is 0 or > MaxLength)
        {
            return false;
        }

        foreach (var range in key.AsSpan().Split('/'))
        {
            var segment = key.AsSpan(range);
            if (segment.Length is 0 or > MaxSegment || !char.IsAsciiLetterOrDigit(segment[0]) || segment.ContainsAnyExcept(Allowed))
            {
                return false;
            }
        }

        return true;
    }
}
