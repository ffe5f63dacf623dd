using I2V.Cli.Configuration;
using I2V.ModelBuilder.Checkpoints.Hub;

namespace I2V.Cli.Models;

/// <summary>Nothing is fetched before the model's licence is accepted.</summary>
internal static class LicenseQuestion
{
    /// <param name="found">The model.</param>
    /// <param name="accepted">True when the command line says so.</param>
    /// <param name="input">Who can answer; null when nobody is there.</param>
    /// <param name="output">Where it is asked.</param>
    /// <exception cref="CliException">It was not accepted.</exception>
    public static async Task AskAsync(HubRepository found, bool accepted, TextReader? input, TextWriter output)
    {
        var license = found.License is { } known ? $"the licence {known}" : "a licence that its card does not name";
        await output.WriteLineAsync($"{found.Name} ({found.Commit}) is given under {license}; its card and licence files say what you may do with it.");
        if (accepted)
        {
            return;
        }

        if (input is null)
        {
            throw new CliException("Nobody is here to accept the licence: read it, and say --accept-license.", ExitCode.Usage);
        }

        await output.WriteAsync("Do you accept it? [y/N] ");
        if ((await input.ReadLineAsync())?.Trim() is not ("y" or "Y" or "yes"))
        {
            throw new CliException("The licence was not accepted; nothing was fetched.");
        }
    }
}
