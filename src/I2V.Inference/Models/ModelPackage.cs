using System.Security.Cryptography;
using System.Text.Json;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Models;

/// <summary>A folder with <c>manifest.json</c>, graphs, weights, tokenizers and licences, every file's hash checked.</summary>
public sealed class ModelPackage
{
    private ModelPackage(string folder, ModelManifest manifest, string sha256)
    {
        Folder = folder;
        Manifest = manifest;
        Sha256 = sha256;
    }

    public string Folder { get; }

    public ModelManifest Manifest { get; }

    /// <summary>SHA-256 of <c>manifest.json</c>, lower-case hexadecimal: names the whole package, since it holds the other hashes.</summary>
    public string Sha256 { get; }

    /// <summary>Reads the manifest, checks every file's hash, refuses paths that leave the folder, and lists all that is wrong in one error.</summary>
    /// <exception cref="GenerationException">The package cannot be used.</exception>
    public static ModelPackage Open(string folder)
    {
        folder = Path.GetFullPath(folder);
        var json = ReadManifest(folder);
        var manifest = Parse(folder, json);
        var problems = PackageChecks.Run(folder, manifest);
        return problems.Count == 0
            ? new ModelPackage(folder, manifest, Convert.ToHexStringLower(SHA256.HashData(json)))
            : throw Unusable(folder, problems);
    }

    /// <summary>The package folders in a folder, in the order of names. Hidden ones are unfinished.</summary>
    public static IReadOnlyList<string> FoldersIn(string folder) => Directory.Exists(folder)
        ? [.. Directory.EnumerateDirectories(folder)
            .Where(path => !Path.GetFileName(path).StartsWith('.') && File.Exists(Path.Combine(path, ModelManifestJson.FileName)))
            .Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Reads the manifest and nothing else: what the package says it is, whether or not its files are there.</summary>
    /// <exception cref="GenerationException">There is no manifest, or it is not one.</exception>
    public static ModelManifest Describe(string folder)
    {
        folder = Path.GetFullPath(folder);
        return Parse(folder, ReadManifest(folder));
    }

    /// <summary>What <see cref="Sha256"/> would be, without opening the package.</summary>
    /// <exception cref="GenerationException">There is no manifest.</exception>
    public static string Sha256Of(string folder) => Convert.ToHexStringLower(SHA256.HashData(ReadManifest(Path.GetFullPath(folder))));

    /// <summary>The full path of a component's graph.</summary>
    /// <exception cref="GenerationException">The package has no such component.</exception>
    public string GraphPath(string component) =>
        Manifest.Components.TryGetValue(component, out var found)
            ? Path.Combine(Folder, found.Graph)
            : throw Unusable(Folder, [$"components has no {component}, which the family {Manifest.Family} needs"]);

    /// <summary>The full path of the graph of a component's variant.</summary>
    /// <exception cref="GenerationException">The package has no such component or variant.</exception>
    public string GraphPath(string component, string variant)
    {
        GraphPath(component);
        return Manifest.Components[component].Variants?.GetValueOrDefault(variant) is { } found
            ? Path.Combine(Folder, found.Graph)
            : throw Unusable(Folder, [$"components.{component}.variants has no {variant}"]);
    }

    /// <summary>The full path of a unit's graph.</summary>
    public string GraphPath(ComponentUnit unit) => Path.Combine(Folder, unit.Graph);

    private static byte[] ReadManifest(string folder)
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(folder, ModelManifestJson.FileName));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unusable(folder, [$"{ModelManifestJson.FileName} cannot be read: {error.Message.TrimEnd('.')}"], error);
        }
    }

    private static ModelManifest Parse(string folder, byte[] json)
    {
        try
        {
            return ModelManifestJson.Read(json);
        }
        catch (JsonException error)
        {
            throw Unusable(folder, [$"{ModelManifestJson.FileName} is not a manifest: {error.Message.TrimEnd('.')}"], error);
        }
    }

    private static GenerationException Unusable(string folder, IReadOnlyList<string> problems, Exception? inner = null) =>
        new(GenerationError.ModelLoadFailed, $"The model package {folder} cannot be used: {string.Join("; ", problems)}.", inner);
}
