using System.Security.Cryptography;
using I2V.Media;
using I2V.Protocol.Workers;

namespace I2V.Worker.RenderJob;

/// <summary>A file of the attempt as the gateway hears of it.</summary>
internal sealed record ArtifactFile(Artifact Artifact, string Path)
{
    public static async Task<IReadOnlyList<ArtifactFile>> DescribeAsync(AttemptFolder folder, FilmInfo film, CancellationToken ct) =>
    [
        await ReadAsync("video", "video/mp4", folder.Video, artifact => artifact with
        {
            Width = film.Width,
            Height = film.Height,
            NumFrames = film.NumFrames,
            Fps = film.Fps,
            DurationSeconds = film.DurationSeconds,
        }, ct),
        await ReadAsync("poster", "image/jpeg", folder.Poster, artifact => artifact with { Width = film.Width, Height = film.Height }, ct),
        await ReadAsync("manifest", "application/json", folder.Manifest, artifact => artifact, ct),
    ];

    private static async Task<ArtifactFile> ReadAsync(string name, string contentType, string path, Func<Artifact, Artifact> describe, CancellationToken ct)
    {
        await using var file = File.OpenRead(path);
        var hash = await SHA256.HashDataAsync(file, ct);
        return new ArtifactFile(
            describe(new Artifact { Name = name, ContentType = contentType, Bytes = file.Length, Sha256 = Convert.ToHexStringLower(hash) }),
            path);
    }
}
