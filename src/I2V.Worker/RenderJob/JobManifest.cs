using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Worker.RenderJob;

/// <summary>The <c>manifest.json</c> beside a film: what is needed to make the same film again, and what it took.</summary>
internal sealed record JobManifest
{
    public required string JobId { get; init; }

    public required int Attempt { get; init; }

    public required string Model { get; init; }

    public required string ModelVersion { get; init; }

    public required string PackageSha256 { get; init; }

    public required string InputSha256 { get; init; }

    public required AppliedSettings Applied { get; init; }

    public required JobMetrics Metrics { get; init; }

    public required DeviceFacts Device { get; init; }

    public required VersionFacts Versions { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public Task WriteAsync(string path, CancellationToken ct) =>
        File.WriteAllBytesAsync(path, JsonSerializer.SerializeToUtf8Bytes(this, I2VJson.Options), ct);

    internal sealed record DeviceFacts(string Provider, string Name);

    internal sealed record VersionFacts(string Worker, string Dotnet, string Os);
}
