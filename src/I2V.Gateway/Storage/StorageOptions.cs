using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Storage;

internal enum StorageKind
{
    Unknown = 0,

    /// <summary>A folder of this machine, read and written through signed URLs of this gateway.</summary>
    Folder = 1,

    /// <summary>Any S3 server.</summary>
    S3 = 2,
}

/// <summary>Where objects are stored. Section <c>Storage</c>.</summary>
internal sealed class StorageOptions
{
    public const string Section = "Storage";

    /// <summary><c>folder</c> or <c>s3</c>. Default <c>folder</c>, which needs no other server.</summary>
    public StorageKind Kind { get; set; } = StorageKind.Folder;

    /// <summary>32 bytes or more in base64: signs the folder store's URLs. Gateways that share a folder share it.</summary>
    public string? SigningKey { get; set; }

    [Required]
    public FolderStorageOptions Folder { get; set; } = new();

    [Required]
    public S3StorageOptions S3 { get; set; } = new();
}

/// <summary>Section <c>Storage:Folder</c>.</summary>
internal sealed class FolderStorageOptions
{
    /// <summary>The folder; made when it is missing.</summary>
    public string? Path { get; set; }
}

/// <summary>Section <c>Storage:S3</c>.</summary>
internal sealed class S3StorageOptions
{
    /// <summary>The server as this gateway reaches it, such as <c>http://minio:9000</c>.</summary>
    public string? Endpoint { get; set; }

    /// <summary>The same server as users and workers reach it, for signed URLs. Default: <see cref="Endpoint"/>.</summary>
    public string? PublicEndpoint { get; set; }

    /// <summary>Made when it is missing. Default <c>i2v</c>.</summary>
    [Required, RegularExpression("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", ErrorMessage = "Storage:S3:Bucket has 3 to 63 lower-case letters, digits, '.' and '-'.")]
    public string Bucket { get; set; } = "i2v";

    public string? AccessKey { get; set; }

    public string? SecretKey { get; set; }

    /// <summary>Part of every signature; servers without regions take <c>us-east-1</c>, the default.</summary>
    [Required]
    public string Region { get; set; } = "us-east-1";
}

/// <summary>What each kind of store cannot do without.</summary>
internal sealed class StorageOptionsCrossCheck : IValidateOptions<StorageOptions>
{
    private const int SigningKeyBytes = 32;

    public ValidateOptionsResult Validate(string? name, StorageOptions options)
    {
        var problems = options.Kind switch
        {
            StorageKind.Folder => Folder(options),
            StorageKind.S3 => S3(options.S3),
            _ => ["Storage:Kind is 'folder' or 's3'."],
        };
        return problems.ToArray() is { Length: > 0 } found ? ValidateOptionsResult.Fail(found) : ValidateOptionsResult.Success;
    }

    private static IEnumerable<string> Folder(StorageOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Folder.Path))
        {
            yield return "Storage:Folder:Path is missing: name the folder for inputs and films, or set Storage:Kind to 's3'.";
        }

        var buffer = new byte[options.SigningKey?.Length ?? 0];
        if (!Convert.TryFromBase64String(options.SigningKey ?? "", buffer, out var bytes) || bytes < SigningKeyBytes)
        {
            yield return $"Storage:SigningKey must be at least {SigningKeyBytes} random bytes in base64, or anybody could make links to stored films; `openssl rand -base64 32` prints one.";
        }
    }

    private static IEnumerable<string> S3(S3StorageOptions options)
    {
        if (!IsHttp(options.Endpoint))
        {
            yield return "Storage:S3:Endpoint must be the S3 server's address, such as http://minio:9000.";
        }

        if (!string.IsNullOrEmpty(options.PublicEndpoint) && !IsHttp(options.PublicEndpoint))
        {
            yield return "Storage:S3:PublicEndpoint must be an address such as https://films.example.org, or absent.";
        }

        if (string.IsNullOrEmpty(options.AccessKey) || string.IsNullOrEmpty(options.SecretKey))
        {
            yield return "Storage:S3:AccessKey and Storage:S3:SecretKey must both be set.";
        }
    }

    private static bool IsHttp(string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps) && url.AbsolutePath == "/" && url.Query.Length == 0;
}
