using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace I2V.Gateway.Webhooks;

/// <summary>
/// The header <c>webhook-signature</c> of Standard Webhooks: for each secret <c>v1,</c> and the base64 of HMAC-SHA256 over
/// <c>id.timestamp.body</c>, separated by spaces. A receiver accepts the message when one of them is right, so that it can
/// change secrets while both sign.
/// </summary>
internal static class WebhookSignature
{
    public static string Of(string id, DateTimeOffset timestamp, ReadOnlySpan<byte> body, IEnumerable<byte[]> secrets)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp.ToUnixTimeSeconds()}.")), .. body];
        return string.Join(' ', secrets.Select(secret => "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, signed))));
    }
}
