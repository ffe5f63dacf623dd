using System.Text.RegularExpressions;

namespace I2V.ModelBuilder.Checkpoints.Hub;

/// <summary>One revision of a model on the hub.</summary>
/// <param name="Name"><c>owner/name</c>.</param>
/// <param name="Commit">The revision's own hash: what a branch names may change while files are fetched.</param>
/// <param name="License">As its card says, or null.</param>
/// <param name="Files">All of them.</param>
public sealed partial record HubRepository(string Name, string Commit, string? License, IReadOnlyList<HubFile> Files)
{
    /// <summary>Full precision before half, safetensors before torch archives; the middle is a number of parts, or none.</summary>
    private static readonly string[] WeightKinds =
    [
        @"(-\d+-of-\d+)?\.safetensors|\.safetensors\.index\.json",
        @"(-\d+-of-\d+)?\.fp16\.safetensors|\.fp16-\d+-of-\d+\.safetensors|\.safetensors\.index\.fp16\.json",
        @"(-\d+-of-\d+)?\.bin|\.bin\.index\.json",
    ];

    /// <summary>The files that a package of I2VGen-XL is made from: one set of weights for each network, safetensors where there are any.</summary>
    /// <exception cref="HubException">A network has no weights in a form that can be read.</exception>
    public IReadOnlyList<HubFile> Needed(IReadOnlyList<string> weightFolders) =>
        [.. Files.Where(file => Small().IsMatch(file.Path)), .. weightFolders.SelectMany(Weights)];

    private List<HubFile> Weights(string folder)
    {
        foreach (var kind in WeightKinds)
        {
            var found = Files.Where(file => file.Path.StartsWith(folder + "/", StringComparison.Ordinal) && IsWeights(file.Path[(folder.Length + 1)..], kind)).ToList();
            if (found.Count > 0)
            {
                return found;
            }
        }

        throw new HubException($"{Name} has no weights for {folder} that can be read (safetensors or bin).");
    }

    private static bool IsWeights(string name, string kind) => Regex.IsMatch(name, $"^(model|pytorch_model|diffusion_pytorch_model)({kind})$");

    [GeneratedRegex(@"^((model_index\.json|README\.md|(LICENSE|LICENCE|NOTICE)[^/]*)|(text_encoder|image_encoder|vae|unet)/config\.json|scheduler/scheduler_config\.json|feature_extractor/preprocessor_config\.json|tokenizer/(vocab\.json|merges\.txt|tokenizer_config\.json))$")]
    private static partial Regex Small();
}

/// <param name="Path">In the repository.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Sha256">Of the content, for large files; null for small ones.</param>
/// <param name="GitSha1">Of the content as git stores it, for small files.</param>
public sealed record HubFile(string Path, long Bytes, string? Sha256, string? GitSha1);
