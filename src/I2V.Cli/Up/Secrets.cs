using System.Buffers.Text;
using System.Security.Cryptography;

namespace I2V.Cli.Up;

/// <summary>Fresh secrets from the system's generator.</summary>
internal static class Secrets
{
    private const string Alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>32 letters and digits (190 bits), safe in URLs and configuration files without quoting.</summary>
    public static string Password() => RandomNumberGenerator.GetString(Alphanumeric, 32);

    /// <summary>32 bytes in base64.</summary>
    public static string SigningKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary><c>i2v_live_</c>, 8 public characters by which the key is found, and 43 secret ones (32 bytes, URL-safe).</summary>
    public static string ApiKey() =>
        $"i2v_live_{RandomNumberGenerator.GetString(Alphanumeric, 8)}_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}";
}
