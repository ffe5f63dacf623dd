using System.CommandLine;
using I2V.Cli.Client;

namespace I2V.Cli.Jobs;

/// <summary>Options of every command that may watch a job.</summary>
internal sealed class WatchOptions
{
    private readonly Option<double?> timeout = new("--timeout")
    {
        Description = "Watch for at most this many seconds; the job goes on.",
        HelpName = "SECONDS",
    };

    public Option<string?> Output { get; } = new("--output", "-o")
    {
        Description = "File that the film goes to; one that exists is replaced.",
        HelpName = "FILE",
    };

    public WatchOptions() => timeout.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<double?>() is <= 0 or > 1e7 or double.NaN)
        {
            result.AddError("--timeout must be a number of seconds above 0.");
        }
    });

    public void AddTo(Command command)
    {
        command.Add(Output);
        command.Add(timeout);
    }

    public WatchJob Create(ParseResult parsed, ApiClient api, Terminal terminal, bool json) => new(
        api, terminal, json, parsed.GetValue(timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
}
