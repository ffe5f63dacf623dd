using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Inference.Models;
using I2V.Protocol;

namespace I2V.Cli.Models;

/// <summary><c>i2v models verify PACKAGE</c>: hashes every file again.</summary>
internal static class VerifyCommand
{
    private static readonly Argument<DirectoryInfo> Package = new("PACKAGE") { Description = "Folder of a package." };
    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON on stdout." };

    public static Command Create()
    {
        var command = new Command("verify", "Hash every file of a package again; list what is missing, altered or extra. Exit codes: 0 whole, 1 not usable, 2 wrong usage, 130 interrupted.") { Package, Json };
        command.SetAction((parsed, ct) => ModelErrors.ToldAsync(() => RunAsync(parsed.GetRequiredValue(Package).FullName, parsed.GetValue(Json), ct)));
        return command;
    }

    private static async Task<int> RunAsync(string folder, bool json, CancellationToken ct)
    {
        var terminal = Terminal.ForProcess();
        var view = ByteProgress.View(terminal, json);
        var progress = new ByteProgress<VerifyProgress>(view, at => ("hashing", at.Bytes, at.TotalBytes));
        var findings = await view.WhileAsync(() => Task.Run(() => PackageVerification.Run(folder, progress, ct), ct));
        if (json)
        {
            await terminal.Out.WriteLineAsync(JsonSerializer.Serialize(new { usable = findings.IsUsable, findings.Missing, findings.Altered, findings.Extra, findings.Problems }, I2VJson.Options));
        }
        else
        {
            foreach (var line in Lines(folder, findings))
            {
                await terminal.Out.WriteLineAsync(line);
            }
        }

        return findings.IsUsable ? ExitCode.Ok : ExitCode.Failure;
    }

    private static IEnumerable<string> Lines(string folder, PackageFindings findings) =>
    [
        .. findings.Missing.Select(path => $"missing  {path}"),
        .. findings.Altered.Select(file => $"altered  {file.Path}: its SHA-256 is {file.FoundSha256}, the manifest says {file.ExpectedSha256}"),
        .. findings.Problems.Select(problem => $"wrong    {problem}"),
        .. findings.Extra.Select(path => $"extra    {path}: not in the manifest, nothing reads it"),
        findings.IsUsable ? $"{folder} is whole." : $"{folder} cannot be used: build it again.",
    ];
}
