using System.Security.Cryptography;

namespace I2V.Gateway.Webhooks;

/// <summary>Secrets as Standard Webhooks writes them: <c>whsec_</c> and the base64 of 24 to 64 bytes.</summary>
internal static class WebhookSecret
{
    private const string Prefix = "whsec_";
    private const int Bytes = 32;

    public static byte[] Draw() => RandomNumberGenerator.GetBytes(Bytes);

    public static string Format(byte[] secret) => Prefix + Convert.ToBase64String(secret);
}
