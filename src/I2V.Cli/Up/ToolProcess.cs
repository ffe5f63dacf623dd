using System.ComponentModel;
using System.Diagnostics;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>A short-lived program whose output we want.</summary>
internal static class ToolProcess
{
    public static async Task<ToolResult> RunAsync(
        string fileName,
        IReadOnlyList<string> arguments,
        CancellationToken ct,
        string? input = null,
        string workingFolder = "/",
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(fileName, arguments)
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = await ChildThread.RunAsync(() => Start(start));
        try
        {
            await process.StandardInput.WriteAsync((input ?? "").AsMemory(), ct);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(ct);
            var error = process.StandardError.ReadToEndAsync(ct);
            await process.WaitForExitAsync(ct);
            return new ToolResult(fileName, process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new CliException($"`{start.FileName}` could not be started: {error.Message}.", error);
        }
    }

    /// <summary>The program's path when it is on <c>PATH</c> or in the folders of system programs; else null.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"])
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);
}

internal sealed record ToolResult(string FileName, int ExitCode, string Output, string Error)
{
    public void ThrowIfFailed()
    {
        if (ExitCode != 0)
        {
            var said = (Error.Trim().Length > 0 ? Error : Output).Trim();
            throw new CliException($"`{Path.GetFileName(FileName)}` failed with exit code {ExitCode}: {said}");
        }
    }
}
