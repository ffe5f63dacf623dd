using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Protocol;

namespace I2V.Cli.Models;

/// <summary><c>i2v models list</c>: the packages of a data folder, which its workers serve.</summary>
internal static class ListCommand
{
    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON on stdout." };

    public static Command Create()
    {
        var command = new Command("list", "List the packages in the data folder. " + ModelErrors.ExitCodes) { DataOption.Instance, Json };
        command.SetAction((parsed, _) => ModelErrors.ToldAsync(() => RunAsync(new DataFolder(DataOption.Folder(parsed)).Models, parsed.GetValue(Json))));
        return command;
    }

    private static async Task<int> RunAsync(string folder, bool json)
    {
        var terminal = Terminal.ForProcess();
        var found = ModelPackage.FoldersIn(folder).Select(Entry).ToList();
        if (json)
        {
            await terminal.Out.WriteLineAsync(JsonSerializer.Serialize(found, I2VJson.Options));
            return ExitCode.Ok;
        }

        foreach (var package in found)
        {
            await terminal.Out.WriteLineAsync(
                package.Problem ?? $"{package.Name,-20} {package.Family,-12} {package.Precision,-5} {ByteText.Of(package.WeightBytes!.Value),9}  {package.Path}");
        }

        if (found.Count == 0)
        {
            await terminal.Error.WriteLineAsync($"{folder} holds no package yet; `./i2v up` makes motion, `./i2v models build` others.");
        }

        return ExitCode.Ok;
    }

    private static Listed Entry(string path)
    {
        try
        {
            var manifest = ModelPackage.Describe(path);
            return new Listed(path, manifest.Name, manifest.Family, manifest.Precision, manifest.Components.Values.Sum(component => component.WeightBytes), null);
        }
        catch (GenerationException error)
        {
            return new Listed(path, null, null, null, null, error.Message);
        }
    }

    private sealed record Listed(string Path, string? Name, string? Family, string? Precision, long? WeightBytes, string? Problem);
}
