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
    /// <exception cref="Pipelines.GenerationException">The package cannot be used.</exception>
    public static ModelPackage Open(string folder) => throw new NotImplementedException();
}
