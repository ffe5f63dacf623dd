using System.Diagnostics.CodeAnalysis;

namespace I2V.Protocol.Webhooks;

/// <summary>Public names of what webhooks are made of: a prefix and 32 hexadecimal digits of a UUIDv7, so that names sort by creation time.</summary>
public static class WebhookIds
{
    /// <summary>Stands for the secret that signs what goes to the addresses that jobs bring along; it has no other id.</summary>
    public const string DefaultEndpoint = "default";

    private const string EndpointPrefix = "whe_";
    private const string DeliveryPrefix = "msg_";

    public static string Endpoint(Guid id) => EndpointPrefix + id.ToString("N");

    /// <summary>A delivery's id is the <c>webhook-id</c> of its messages: the same at every attempt.</summary>
    public static string Delivery(Guid id) => DeliveryPrefix + id.ToString("N");

    public static bool TryParseEndpoint([NotNullWhen(true)] string? text, out Guid id) => TryParse(EndpointPrefix, text, out id);

    public static bool TryParseDelivery([NotNullWhen(true)] string? text, out Guid id) => TryParse(DeliveryPrefix, text, out id);

    private static bool TryParse(string prefix, string? text, out Guid id)
    {
        id = default;
        return text is not null
            && text.StartsWith(prefix, StringComparison.Ordinal)
            && Guid.TryParseExact(text.AsSpan(prefix.Length), "N", out id);
    }
}
