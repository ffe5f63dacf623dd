namespace I2V.Cli.Up;

/// <summary>What <c>i2v up</c> was asked for.</summary>
internal sealed record UpOptions
{
    public const int DefaultPort = 7801;

    public int Workers { get; init; } = 1;

    /// <summary>Null for <see cref="DefaultPort"/>, or the next free one.</summary>
    public int? Port { get; init; }

    public required string Data { get; init; }

    /// <summary>Null for the folder in the data folder.</summary>
    public S3Options? S3 { get; init; }

    public bool Gpu { get; init; }

    /// <summary>Uuids, one for each worker; empty to let workers take the GPUs in order.</summary>
    public IReadOnlyList<string> Gpus { get; init; } = [];

    /// <summary>Folders of packages that the workers serve besides those in the data folder.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>False to fail instead of installing what is missing.</summary>
    public bool Install { get; init; } = true;
}

internal sealed record S3Options
{
    public required string Endpoint { get; init; }

    public required string Bucket { get; init; }

    public required string AccessKey { get; init; }

    public required string SecretKey { get; init; }

    public string Region { get; init; } = "us-east-1";

    /// <summary>What browsers and workers reach, where it differs from <see cref="Endpoint"/>.</summary>
    public string? PublicEndpoint { get; init; }
}
