using I2V.Cli.Configuration;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Cli.Up;

/// <summary>The packages that <c>up --model</c> names. A worker would refuse them too, but only after the servers have started, and five times.</summary>
internal static class ServedModels
{
    /// <exception cref="CliException">One of them cannot be served.</exception>
    public static void Check(UpOptions options, Steps steps)
    {
        var folders = new Dictionary<string, string>();
        foreach (var folder in options.Models)
        {
            steps.Say($"checking the model package {folder}");
            var manifest = Open(folder).Manifest;
            if (!options.Gpu && manifest.Components.Values.Any(component => component.Target == "fused"))
            {
                throw new CliException($"The package {folder} is made for CUDA (fused): add `--gpu`, or build it with `--target portable`.");
            }

            if (!folders.TryAdd(manifest.Name, folder))
            {
                throw new CliException($"{folders[manifest.Name]} and {folder} are both named {manifest.Name}: build one of them with another `--name`.");
            }
        }

        foreach (var (name, folder) in folders)
        {
            CheckData(options.Data, name, folder);
        }
    }

    private static ModelPackage Open(string folder)
    {
        try
        {
            return ModelPackage.Open(folder);
        }
        catch (GenerationException error)
        {
            throw new CliException(error.Message, error);
        }
    }

    /// <summary>The data folder is served as well, so a name may not be in both.</summary>
    private static void CheckData(string data, string name, string folder)
    {
        var other = ModelPackage.FoldersIn(new DataFolder(data).Models).FirstOrDefault(there => there != folder && NameOf(there) == name);
        if (other is not null)
        {
            throw new CliException($"{folder} is named {name}, and so is {other}, which is served anyway: leave out `--model`, remove that folder, or build one of them with another `--name`.");
        }
    }

    private static string? NameOf(string folder)
    {
        try
        {
            return ModelPackage.Describe(folder).Name;
        }
        catch (GenerationException)
        {
            return null; // motion is mended at every start; of others the worker tells
        }
    }
}
