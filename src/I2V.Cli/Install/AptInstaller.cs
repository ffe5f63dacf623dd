using System.Diagnostics;
using I2V.Cli.Configuration;
using I2V.Cli.Up;

namespace I2V.Cli.Install;

/// <summary>
/// Installs Debian packages without leaving a service behind: <c>apt-install.sh</c>, which lies beside this file and is
/// embedded, keeps packages from starting services or creating clusters, and disables the units that come with them.
/// </summary>
internal sealed class AptInstaller(Steps steps)
{
    private const int LastLines = 15;
    private const int LinesOfAPhasePerWord = 100;
    private static readonly string[] Told = ["Need to get", "i2v: "];
    private static readonly (string Start, string Word)[] Phases = [("Get:", "downloading"), ("Unpacking ", "unpacking"), ("Setting up ", "setting up")];

    private readonly Dictionary<string, int> counts = [];

    /// <param name="command">What to tell a user whom we cannot serve.</param>
    public async Task InstallAsync(IReadOnlyList<string> packages, string command, CancellationToken ct)
    {
        if (ToolProcess.Find("apt-get") is null)
        {
            throw new CliException($"Only Debian's and Ubuntu's packages can be installed automatically; install {string.Join(", ", packages)} with your system's package manager.");
        }

        string[] program = [.. await PrivilegeAsync(command, ct), "/bin/sh", "-s", "--", .. packages];
        var said = new Queue<string>();
        var exitCode = await RunAsync(program, said, ct);
        if (exitCode != 0)
        {
            throw new CliException(
                $"`apt-get` failed with exit code {exitCode}; mend it and try again, or run `{command}` yourself. It said last:{Environment.NewLine}" +
                string.Join(Environment.NewLine, said.Select(line => "  " + line)));
        }
    }

    // Root needs nothing; sudo without a password is silent; sudo with one asks on the terminal, where there is one.
    private static async Task<string[]> PrivilegeAsync(string command, CancellationToken ct)
    {
        if (Environment.IsPrivilegedProcess)
        {
            return [];
        }

        if (ToolProcess.Find("sudo") is not null)
        {
            if ((await ToolProcess.RunAsync("sudo", ["-n", "true"], ct)).ExitCode == 0)
            {
                return ["sudo", "-n"];
            }

            if (!Console.IsInputRedirected)
            {
                return ["sudo"];
            }
        }

        throw new CliException($"Installing needs root: run `{command}`, then start again.");
    }

    private async Task<int> RunAsync(string[] program, Queue<string> said, CancellationToken ct)
    {
        var start = new ProcessStartInfo(program[0], program[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var process = await ChildThread.RunAsync(() => Process.Start(start)!);
        await using (var script = typeof(AptInstaller).Assembly.GetManifestResourceStream("I2V.Cli.Install.apt-install.sh")!)
        {
            await script.CopyToAsync(process.StandardInput.BaseStream, ct);
        }

        process.StandardInput.Close();
        try
        {
            while (await process.StandardOutput.ReadLineAsync(ct) is { } line)
            {
                Hear(line, said);
            }

            await process.WaitForExitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            // The script hears the same signal or loses its output; either way it puts back what it moved before it ends.
            ChildProcess.Send(process.Id, ChildSignal.Terminate);
            await process.WaitForExitAsync(CancellationToken.None);
            throw;
        }

        return process.ExitCode;
    }

    private void Hear(string line, Queue<string> said)
    {
        said.Enqueue(line);
        if (said.Count > LastLines)
        {
            said.Dequeue();
        }

        if (Told.Any(start => line.StartsWith(start, StringComparison.Ordinal)))
        {
            steps.Say("  " + line);
            if (line.StartsWith("i2v: ", StringComparison.Ordinal))
            {
                counts.Clear();
            }
        }

        Count(line);
    }

    // Hundreds of packages come with the few that were asked for: a word now and then says that it goes on.
    private void Count(string line)
    {
        foreach (var (_, word) in Phases.Where(phase => line.StartsWith(phase.Start, StringComparison.Ordinal)))
        {
            var count = counts[word] = counts.GetValueOrDefault(word) + 1;
            if (count % LinesOfAPhasePerWord == 1)
            {
                steps.Say(count == 1 ? $"  {word}" : $"  {word}, {count - 1} packages so far");
            }
        }
    }
}
