using System.CommandLine;

namespace I2V.Cli.Client;

/// <summary>What the commands that talk to a gateway have in common.</summary>
internal static class ClientCommand
{
    public const string ExitCodes =
        "Exit codes: 0 done, 1 failure, 2 wrong usage or a request that the gateway refuses, 3 the job failed, 4 the job was canceled, "
        + "5 not found, 6 no valid key, 7 time is up, 130 interrupted.";

    /// <summary>Runs with a connection; a refusal becomes its sentence and exit code.</summary>
    public static void SetClientAction(this Command command, ClientOptions options, Func<ParseResult, ApiClient, CancellationToken, Task<int>> run)
    {
        options.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var api = options.Connect(parsed);
            try
            {
                return await run(parsed, api, ct);
            }
            catch (ApiException error)
            {
                throw error.ToCliException();
            }
        });
    }
}
