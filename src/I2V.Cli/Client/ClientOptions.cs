using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Configuration;
using I2V.Protocol;

namespace I2V.Cli.Client;

/// <summary>The options that every command of the HTTP client has.</summary>
internal sealed class ClientOptions
{
    private readonly Option<string?> url = new("--url")
    {
        Description = $"Address of the gateway. Default: {ClientSettingsFinder.UrlVariable}, then the nearest .i2v/client.json.",
        HelpName = "URL",
    };

    private readonly Option<string?> apiKeyFile = new("--api-key-file")
    {
        Description = $"File that holds the API key. Default: {ClientSettingsFinder.KeyVariable}, then the nearest .i2v/client.json.",
        HelpName = "FILE",
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON on stdout." };

    public void AddTo(Command command)
    {
        command.Add(url);
        command.Add(apiKeyFile);
        command.Add(Json);
    }

    /// <summary>Says what came of a call: all of it as JSON when that was asked for, else a few words.</summary>
    /// <returns>The exit code of what worked.</returns>
    public int Print<T>(ParseResult parsed, T answer, Func<T, string> words)
    {
        Console.Out.WriteLine(parsed.GetValue(Json) ? JsonSerializer.Serialize(answer, I2VJson.Options) : words(answer));
        return ExitCode.Ok;
    }

    public ApiClient Connect(ParseResult parsed) =>
        ApiClient.Connect(ClientSettingsFinder.ForProcess().Find(new ClientFlags(parsed.GetValue(url), parsed.GetValue(apiKeyFile))));
}
