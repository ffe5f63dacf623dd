using System.Security.Cryptography;
using System.Text.Json;
using I2V.Gateway.Webhooks;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>What the user asked for, checked for form but not yet against a model.</summary>
internal sealed record JobRequest
{
    public string? Model { get; init; }

    public JobSettings Settings { get; init; } = new();

    public JobFit Fit { get; init; } = new();

    /// <summary>Null: 0, or less where the tenant may not have 0.</summary>
    public int? Priority { get; init; }

    public string Speed { get; init; } = "exact";

    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    public JobOutputOptions Output { get; init; } = new();

    public JobWebhook? Webhook { get; init; }

    /// <summary>Null only when the request is refused anyway, or asks for an estimate.</summary>
    public ImageSource? Image { get; init; }

    /// <summary>
    /// The same for every way to write the same request: as form or JSON, in any order, under any file name. A picture counts
    /// by its bytes, one behind an address by the address, so that a repeated request needs no second download.
    /// </summary>
    public byte[] CanonicalHash()
    {
        var image = Image switch
        {
            ImageSource.Inline inline => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(inline.File.Span)),
            ImageSource.Remote remote => "url:" + remote.Url.AbsoluteUri,
            _ => null,
        };
        var tags = new SortedDictionary<string, string>(Tags.ToDictionary(), StringComparer.Ordinal);
        var canonical = new { Fit, image, Model, Output, Priority = Priority ?? 0, Settings, Speed, tags, Webhook };
        return SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(canonical, I2VJson.Options));
    }
}

/// <summary>Where the picture comes from.</summary>
internal abstract record ImageSource
{
    /// <summary>Sent with the request.</summary>
    public sealed record Inline(ReadOnlyMemory<byte> File) : ImageSource;

    /// <summary>To be fetched, through every check of <see cref="ImageFetch"/>.</summary>
    public sealed record Remote(Uri Url) : ImageSource;
}
