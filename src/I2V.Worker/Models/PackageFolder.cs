using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Worker.Models;

/// <summary>Finds the packages that a worker serves.</summary>
internal static class PackageFolder
{
    private const string Manifest = "manifest.json";

    /// <summary>Every package by model name: those that are named one by one, and those in the folder, which may also be one package itself.</summary>
    /// <exception cref="GenerationException">There is none, one is damaged, or two have the same name.</exception>
    public static SortedDictionary<string, ModelPackage> OpenAll(string folder, IEnumerable<string> single)
    {
        var found = new SortedDictionary<string, ModelPackage>(StringComparer.Ordinal);
        foreach (var package in single.Concat(Candidates(folder)).Select(Path.GetFullPath).Distinct().Select(ModelPackage.Open))
        {
            if (!found.TryAdd(package.Manifest.Name, package))
            {
                throw Unusable($"two packages have the name '{package.Manifest.Name}', {found[package.Manifest.Name].Folder} and {package.Folder}; keep one of them");
            }
        }

        return found.Count > 0
            ? found
            : throw Unusable($"the folder {folder} holds no package (a folder with {Manifest}); build one with: i2v models build");
    }

    private static IEnumerable<string> Candidates(string folder)
    {
        if (File.Exists(Path.Combine(folder, Manifest)))
        {
            return [folder];
        }

        return ModelPackage.FoldersIn(folder);
    }

    private static GenerationException Unusable(string why) =>
        new(GenerationError.ModelLoadFailed, $"Worker:Packages cannot be used: {why}.");
}
