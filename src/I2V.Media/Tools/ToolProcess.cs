using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace I2V.Media.Tools;

/// <summary>
/// One ffmpeg or ffprobe under limits: an empty environment (no secret of ours to leak, no <c>FFREPORT</c>), kernel limits,
/// pipes, and a short memory for what it complained about. Disposing kills it and waits until it is gone.
/// </summary>
internal sealed class ToolProcess : IAsyncDisposable
{
    private const int ErrorCharacters = 4096;

    private readonly Process process;
    private readonly Task<string> errors;

    private ToolProcess(Process process)
    {
        this.process = process;
        errors = ReadTailAsync(process.StandardError);
    }

    public Stream Input => process.StandardInput.BaseStream;

    public Stream Output => process.StandardOutput.BaseStream;

    /// <exception cref="MediaException">It could not be started.</exception>
    public static ToolProcess Start(string tool, IEnumerable<string> arguments, ToolLimits limits)
    {
        var prlimit = ToolPath.Prlimit();
        var start = new ProcessStartInfo(prlimit ?? tool)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        if (prlimit is not null)
        {
            Array.ForEach([.. limits.ToArguments(), "--", tool], start.ArgumentList.Add);
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        KeepOnlyWhatLoadingNeeds(start.Environment);
        try
        {
            return new ToolProcess(Process.Start(start)!);
        }
        catch (Win32Exception error)
        {
            throw new MediaException(MediaError.ToolMissing, $"{Path.GetFileName(tool)} could not be started: {error.Message}.", error);
        }
    }

    /// <summary>
    /// Feeds a tool, takes its output and waits for its end. Whatever goes wrong with the tool is in the answer, not thrown:
    /// the caller knows what that means for the user.
    /// </summary>
    /// <param name="input">Written to standard input one after the other, then closed.</param>
    /// <param name="maxOutput">Bytes; a tool that writes more is killed.</param>
    /// <param name="timeout">Wall-clock time; a tool that takes longer is killed.</param>
    public static async Task<ToolResult> RunAsync(
        string tool,
        IEnumerable<string> arguments,
        ToolLimits limits,
        IReadOnlyList<ReadOnlyMemory<byte>> input,
        int maxOutput,
        TimeSpan timeout,
        CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        await using var process = Start(tool, arguments, limits);
        using var wall = CancellationTokenSource.CreateLinkedTokenSource(ct);
        wall.CancelAfter(timeout);
        await using var kill = process.KillOn(wall.Token).ConfigureAwait(false);

        var feeding = process.FeedAsync(input);
        var (output, overflow) = await process.ReadAtMostAsync(maxOutput).ConfigureAwait(false);
        if (overflow)
        {
            process.Kill();
        }

        await feeding.ConfigureAwait(false);
        var (exitCode, errors) = await process.WaitAsync().ConfigureAwait(false);
        ct.ThrowIfCancellationRequested();
        return new ToolResult(exitCode, output, errors, overflow, wall.IsCancellationRequested);
    }

    /// <summary>Kills the tool when the token fires, which also ends every read and write on its pipes.</summary>
    public CancellationTokenRegistration KillOn(CancellationToken ct) => ct.UnsafeRegister(static state => ((ToolProcess)state!).Kill(), this);

    public void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // Already gone.
        }
    }

    /// <summary>The exit code (128 and above: a signal) and the end of what it said on standard error.</summary>
    public async Task<(int ExitCode, string Errors)> WaitAsync()
    {
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        return (process.ExitCode, await errors.ConfigureAwait(false));
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await WaitAsync().ConfigureAwait(false);
        process.Dispose();
    }

    private static void KeepOnlyWhatLoadingNeeds(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.Where(name => name is not ("PATH" or "LD_LIBRARY_PATH" or "SystemRoot")).ToArray())
        {
            environment.Remove(name);
        }

        environment["LC_ALL"] = "C";
    }

    private async Task FeedAsync(IReadOnlyList<ReadOnlyMemory<byte>> input)
    {
        try
        {
            foreach (var part in input)
            {
                await Input.WriteAsync(part, CancellationToken.None).ConfigureAwait(false);
            }

            Input.Close();
        }
        catch (IOException)
        {
            // It stopped reading: enough for one picture, or dead. Its exit code says which.
        }
    }

    private async Task<(byte[] Output, bool Overflow)> ReadAtMostAsync(int max)
    {
        // Most refusals come before the first byte, so that a lying header does not make us set memory aside.
        var first = new byte[1];
        if (await Output.ReadAtLeastAsync(first, 1, throwOnEndOfStream: false, CancellationToken.None).ConfigureAwait(false) == 0)
        {
            return ([], false);
        }

        var buffer = GC.AllocateUninitializedArray<byte>(max);
        buffer[0] = first[0];
        var length = 1 + await Output.ReadAtLeastAsync(buffer.AsMemory(1), max - 1, throwOnEndOfStream: false, CancellationToken.None).ConfigureAwait(false);
        var overflow = length == max && await Output.ReadAsync(first, CancellationToken.None).ConfigureAwait(false) > 0;
        return (length == max ? buffer : buffer[..length], overflow);
    }

    private static async Task<string> ReadTailAsync(StreamReader reader)
    {
        var tail = new StringBuilder();
        var buffer = new char[1024];
        int read;
        while ((read = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            tail.Append(buffer, 0, read);
            tail.Remove(0, Math.Max(0, tail.Length - ErrorCharacters));
        }

        return tail.ToString().Trim();
    }
}

/// <param name="ExitCode">0 is success; 128 and above is a signal.</param>
/// <param name="Output">Everything on standard output, up to the cap.</param>
/// <param name="Errors">The end of standard error.</param>
/// <param name="Overflow">It wrote more than the cap and was killed.</param>
/// <param name="TimedOut">It took too long and was killed.</param>
internal sealed record ToolResult(int ExitCode, byte[] Output, string Errors, bool Overflow, bool TimedOut)
{
    /// <summary>Ended by itself, content, and silent: our tools run at log level <c>error</c>, so a word is a complaint.</summary>
    public bool Clean => ExitCode == 0 && !Overflow && !TimedOut && Errors.Length == 0;

    public string LastError => Errors.Split('\n')[^1].Trim() is { Length: > 0 } line ? line : $"it ended with code {ExitCode}";
}
