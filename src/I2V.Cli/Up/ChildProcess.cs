using System.Diagnostics;
using System.Runtime.InteropServices;

namespace I2V.Cli.Up;

/// <summary>
/// A process in a session of its own, so that the terminal's Ctrl+C does not reach it before we decide the order of
/// stopping, and which the kernel kills when this process dies, however that happens.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    // The inner shell closes the gap in which the parent dies before the death signal was asked for.
    private const string Script = """
        exec >>"$I2V_CHILD_LOG" 2>&1 </dev/null
        exec setsid setpriv --pdeathsig KILL "$@"
        """;

    private const string ParentCheck = """[ "$PPID" = "$I2V_CHILD_PARENT" ] || exit 1; unset I2V_CHILD_PARENT I2V_CHILD_LOG; exec "$@" """;

    private readonly ChildCommand command;
    private readonly Process process;

    private ChildProcess(ChildCommand command, Process process)
    {
        this.command = command;
        this.process = process;
        Exited = WaitAsync();
    }

    public string Name => command.Name;

    public int Pid => process.Id;

    /// <summary>Completes with the exit code when the process has ended; 128 + n after signal n.</summary>
    public Task<int> Exited { get; }

    public static Task<ChildProcess> StartAsync(ChildCommand command)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            WorkingDirectory = command.WorkingFolder ?? "/",
            UseShellExecute = false,
        };
        foreach (var argument in (string[])["-c", Script, "sh", .. UserOptions(command.RunAs), "--", "/bin/sh", "-c", ParentCheck, "sh", command.FileName, .. command.Arguments])
        {
            start.ArgumentList.Add(argument);
        }

        SetEnvironment(start.Environment, command);
        return ChildThread.RunAsync(() => new ChildProcess(command, Process.Start(start)!));
    }

    /// <summary>Asks it to end, waits for as long as the command allows, then kills it. Returns false when it had to be killed.</summary>
    public async Task<bool> StopAsync()
    {
        Signal(command.StopSignal);
        try
        {
            await Exited.WaitAsync(command.StopTimeout);
            return true;
        }
        catch (TimeoutException)
        {
            Signal(ChildSignal.Kill);
            await Exited;
            return false;
        }
    }

    public void Signal(ChildSignal signal)
    {
        if (!Exited.IsCompleted)
        {
            Send(process.Id, signal);
        }
    }

    /// <summary>Sends a signal to any process; <see cref="ChildSignal.None"/> only asks whether it is there.</summary>
    public static bool Send(int pid, ChildSignal signal) => kill(pid, (int)signal) == 0;

    public void Dispose() => process.Dispose();

    private static string[] UserOptions(string? user) =>
        user is null ? [] : ["--reuid", user, "--regid", user, "--init-groups"];

    private static void SetEnvironment(IDictionary<string, string?> environment, ChildCommand command)
    {
        foreach (var name in environment.Keys.Where(name => command.ClearedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))).ToList())
        {
            environment.Remove(name);
        }

        foreach (var (name, value) in command.Environment)
        {
            if (value is null)
            {
                environment.Remove(name);
            }
            else
            {
                environment[name] = value;
            }
        }

        environment["I2V_CHILD_LOG"] = command.LogFile;
        environment["I2V_CHILD_PARENT"] = System.Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private async Task<int> WaitAsync()
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int pid, int signal);
}
