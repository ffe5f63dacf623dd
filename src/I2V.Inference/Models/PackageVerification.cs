using System.Security.Cryptography;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Models;

/// <param name="File">What is hashed now.</param>
/// <param name="Bytes">Bytes that are hashed so far.</param>
/// <param name="TotalBytes">Bytes of all files that are there.</param>
public readonly record struct VerifyProgress(string File, long Bytes, long TotalBytes);

/// <summary>A file whose content is not the one that the manifest names.</summary>
public sealed record AlteredFile(string Path, string ExpectedSha256, string FoundSha256);

/// <summary>What is wrong with a package, all of it.</summary>
/// <param name="Missing">Listed, and not there.</param>
/// <param name="Altered">Listed, and other than listed.</param>
/// <param name="Extra">There, and not listed: nothing reads them.</param>
/// <param name="Problems">What else keeps the package from being used, a clause each.</param>
public sealed record PackageFindings(
    IReadOnlyList<string> Missing, IReadOnlyList<AlteredFile> Altered, IReadOnlyList<string> Extra, IReadOnlyList<string> Problems)
{
    /// <summary>Extra files do no harm.</summary>
    public bool IsUsable => Missing.Count + Altered.Count + Problems.Count == 0;
}

/// <summary>Hashes every file of a package again.</summary>
public static class PackageVerification
{
    /// <exception cref="GenerationException">There is no manifest, or it is not one.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static PackageFindings Run(string folder, IProgress<VerifyProgress>? progress, CancellationToken ct)
    {
        folder = Path.GetFullPath(folder);
        var manifest = ModelPackage.Describe(folder);
        var listed = manifest.Files.OrderBy(file => file.Key, StringComparer.Ordinal).ToList();
        var problems = listed.Select(file => (file.Key, Why: PackageChecks.Escape(folder, file.Key))).Where(file => file.Why is not null).Select(file => $"{file.Key} {file.Why}").ToList();
        var plain = listed.Where(file => PackageChecks.Escape(folder, file.Key) is null).ToList();
        var there = plain.Where(file => File.Exists(Path.Combine(folder, file.Key))).ToList();
        var total = there.Sum(file => new FileInfo(Path.Combine(folder, file.Key)).Length);

        var altered = new List<AlteredFile>();
        var before = 0L;
        foreach (var (path, expected) in there)
        {
            using var stream = new FileStream(Path.Combine(folder, path), FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            var start = before;
            var found = Hash(stream, done => progress?.Report(new VerifyProgress(path, start + done, total)), ct);
            before += stream.Length;
            if (found != expected)
            {
                altered.Add(new AlteredFile(path, expected, found));
            }
        }

        return new PackageFindings(
            [.. plain.Except(there).Select(file => file.Key)],
            altered,
            [.. Extra(folder, manifest)],
            [.. problems, .. PackageChecks.WithoutHashes(folder, manifest)]);
    }

    private static IEnumerable<string> Extra(string folder, ModelManifest manifest) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))
        .Where(path => path != ModelManifestJson.FileName && !manifest.Files.ContainsKey(path))
        .Order(StringComparer.Ordinal);

    private static string Hash(FileStream stream, Action<long> report, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[4 << 20];
        int read;
        while ((read = stream.Read(buffer)) > 0)
        {
            ct.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            report(stream.Position);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
