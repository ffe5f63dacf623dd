using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Storage;

/// <summary>Signs and checks the folder store's URLs: what a link allows is in its query, and HMAC-SHA256 covers all of it.</summary>
internal sealed class FolderLinks(IOptions<StorageOptions> options, PublicUrl address, TimeProvider clock)
{
    public const string Path = "/storage/";
    public const string Get = "get";
    public const string Put = "put";

    private readonly byte[] key = Convert.FromBase64String(options.Value.SigningKey ?? "");

    public SignedUrl Sign(FolderGrant grant, IReadOnlyDictionary<string, string> headers)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in grant.ToQuery())
        {
            query.Append(CultureInfo.InvariantCulture, $"{name}={Uri.EscapeDataString(value)}&");
        }

        var url = $"{address.Base}{Path}{grant.Key}?{query}signature={Base64Url.EncodeToString(Mac(grant))}";
        return new SignedUrl(url, headers, grant.ExpiresAt);
    }

    /// <summary>What the link allows, or null when it is forged, changed or expired; the caller says no more than that.</summary>
    public FolderGrant? Open(string operation, string key, IQueryCollection query)
    {
        if (FolderGrant.Parse(operation, key, query) is not { } grant || !ObjectKey.IsValid(key))
        {
            return null;
        }

        var signature = query["signature"].ToString();
        var genuine = Base64Url.EncodeToString(Mac(grant));
        var same = CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature), Encoding.UTF8.GetBytes(genuine));
        return same && clock.GetUtcNow() < grant.ExpiresAt ? grant : null;
    }

    private byte[] Mac(FolderGrant grant)
    {
        // Keys and numbers hold no line feed, and lengths would differ otherwise: no two grants have the same text.
        var text = string.Join('\n', [grant.Key, .. grant.ToQuery().Select(part => $"{part.Name.Length}:{part.Value.Length}:{part.Name}={part.Value}")]);
        return HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
    }
}

/// <param name="Operation"><c>get</c> (HEAD too) or <c>put</c>.</param>
/// <param name="Key">The object.</param>
/// <param name="ExpiresAt">Whole seconds.</param>
/// <param name="Bytes">For <c>put</c>: the body's exact size.</param>
/// <param name="ContentType">For <c>put</c>: the body's type.</param>
/// <param name="DownloadName">For <c>get</c>: name to save under.</param>
internal sealed record FolderGrant(string Operation, string Key, DateTimeOffset ExpiresAt, long? Bytes = null, string? ContentType = null, string? DownloadName = null)
{
    public IEnumerable<(string Name, string Value)> ToQuery()
    {
        yield return ("op", Operation);
        yield return ("expires", ExpiresAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        if (Bytes is { } bytes)
        {
            yield return ("bytes", bytes.ToString(CultureInfo.InvariantCulture));
        }

        if (ContentType is not null)
        {
            yield return ("type", ContentType);
        }

        if (DownloadName is not null)
        {
            yield return ("name", DownloadName);
        }
    }

    /// <summary>Null for a query that <see cref="ToQuery"/> cannot have made.</summary>
    public static FolderGrant? Parse(string operation, string key, IQueryCollection query)
    {
        if (query["op"] != operation
            || !long.TryParse(query["expires"], NumberStyles.None, CultureInfo.InvariantCulture, out var expires)
            || expires > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return null;
        }

        var bytes = long.TryParse(query["bytes"], NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : (long?)null;
        return new FolderGrant(operation, key, DateTimeOffset.FromUnixTimeSeconds(expires), bytes, One(query, "type"), One(query, "name"));
    }

    private static string? One(IQueryCollection query, string name) => query.TryGetValue(name, out var values) ? values.ToString() : null;
}
