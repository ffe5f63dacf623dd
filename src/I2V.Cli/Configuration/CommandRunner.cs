using System.CommandLine;
using System.CommandLine.Invocation;

namespace I2V.Cli.Configuration;

/// <summary>Runs a command line: what a user can mend is said in one sentence on stderr, and Ctrl+C cancels politely.</summary>
internal static class CommandRunner
{
    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        using var interruption = new Interruption();
        var parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction refusal)
        {
            refusal.ShowHelp = false; // stdout is for data, and one sentence says more than a page
        }

        var configuration = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // Interruption does it: `up` may take longer to stop than any fixed time.
            ProcessTerminationTimeout = null,
        };
        try
        {
            var code = await parsed.InvokeAsync(configuration, interruption.Token);
            return parsed.Errors.Count > 0 ? ExitCode.Usage : code;
        }
        catch (CliException error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return error.ExitCode;
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
    }
}
