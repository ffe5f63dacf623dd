using System.ComponentModel.DataAnnotations;

namespace I2V.Gateway.Access;

/// <summary>Who may come in. Section <c>Access</c>.</summary>
internal sealed class AccessOptions
{
    public const string Section = "Access";

    /// <summary>Base64 of at least 16 secret bytes. Without it the stored hashes of keys are useless, so it is not kept in the database.</summary>
    [Required]
    public string Pepper { get; set; } = "";

    /// <summary>A key that exists from the start in the tenant <c>default</c>, with the scopes jobs:write, jobs:read and admin.</summary>
    public string? BootstrapApiKey { get; set; }

    /// <summary>A key that exists from the start in the tenant <c>default</c>, with the scope worker.</summary>
    public string? BootstrapWorkerKey { get; set; }

    /// <summary>Why the options cannot work, or null.</summary>
    public string? FindProblem()
    {
        var pepper = new byte[Pepper.Length];
        if (!Convert.TryFromBase64String(Pepper, pepper, out var bytes) || bytes < 16)
        {
            return "Access:Pepper must be the base64 of at least 16 bytes, for example from `openssl rand -base64 32`.";
        }

        return FindKeyProblem(nameof(BootstrapApiKey), BootstrapApiKey) ?? FindKeyProblem(nameof(BootstrapWorkerKey), BootstrapWorkerKey);
    }

    private static string? FindKeyProblem(string name, string? key) =>
        string.IsNullOrEmpty(key) || ApiKey.TryParse(key, out _)
            ? null
            : $"Access:{name} must look like i2v_live_ABCDEFGH_SECRET: 8 letters or digits, then at least 43 letters, digits, '-' or '_'.";
}
