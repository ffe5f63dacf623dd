using System.Text.Json;
using I2V.Cli.Configuration;
using I2V.Protocol;

namespace I2V.Cli.Client;

/// <summary>Where the gateway is and the key it knows us by.</summary>
internal sealed record ClientSettings(Uri Url, string ApiKey);

/// <summary>The content of <c>.i2v/client.json</c> and <c>~/.config/i2v/config.json</c>.</summary>
internal sealed record ClientFile
{
    public string? Url { get; init; }

    public string? ApiKey { get; init; }
}

/// <summary>What the command line says about the gateway.</summary>
internal sealed record ClientFlags(string? Url, string? ApiKeyFile);

/// <summary>
/// Finds the gateway: flag, then environment, then the nearest <c>.i2v/client.json</c> upwards, the checkout's, the user's.
/// Each value is looked up by itself, but a file's key is only sent to that file's gateway.
/// </summary>
/// <param name="environment">Reads <c>I2V_URL</c> and <c>I2V_API_KEY</c>.</param>
/// <param name="folder">Where the search for a file starts.</param>
/// <param name="checkout">The checkout that the program was built from, if any.</param>
/// <param name="configHome">The user's configuration folder, such as <c>~/.config</c>.</param>
internal sealed class ClientSettingsFinder(Func<string, string?> environment, string folder, string? checkout, string configHome)
{
    public const string UrlVariable = "I2V_URL";
    public const string KeyVariable = "I2V_API_KEY";

    public static ClientSettingsFinder ForProcess() => new(
        Environment.GetEnvironmentVariable,
        Directory.GetCurrentDirectory(),
        FindCheckout(),
        Environment.GetEnvironmentVariable("XDG_CONFIG_HOME") is { Length: > 0 } home
            ? home
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config"));

    /// <exception cref="CliException">There is no gateway or no key, or a source is unreadable.</exception>
    public ClientSettings Find(ClientFlags flags)
    {
        var file = ReadFile();
        var given = flags.Url ?? NotEmpty(environment(UrlVariable));
        var url = ParseUrl(given ?? file?.Url ?? throw new CliException(
            $"No gateway is known here: start one with ./i2v up, or name one with --url or {UrlVariable}.", ExitCode.Usage));
        var key = ReadKeyFile(flags.ApiKeyFile) ?? NotEmpty(environment(KeyVariable)) ?? KeyOf(file, url);
        return new ClientSettings(url, key ?? throw new CliException(
            $"No API key is known for {url.Authority}: set {KeyVariable}, or name a file that holds it with --api-key-file.", ExitCode.Unauthorized));
    }

    private static string? KeyOf(ClientFile? file, Uri url) =>
        file?.Url is { } own && ParseUrl(own).Authority == url.Authority ? NotEmpty(file.ApiKey) : null;

    private static Uri ParseUrl(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new CliException($"'{text}' is not the address of a gateway; it looks like http://127.0.0.1:8080.", ExitCode.Usage);

    private static string? NotEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private static string? ReadKeyFile(string? path)
    {
        if (path is null)
        {
            return null;
        }

        try
        {
            return NotEmpty(File.ReadAllText(path)) ?? throw new CliException($"{path} is empty; it must hold the API key.", ExitCode.Usage);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"The API key file {path} cannot be read: {error.Message}", ExitCode.Usage);
        }
    }

    private ClientFile? ReadFile()
    {
        var path = Candidates().FirstOrDefault(File.Exists);
        if (path is null)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize<ClientFile>(File.ReadAllText(path), I2VJson.Options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CliException($"{path} cannot be read: {error.Message}", error);
        }
    }

    private IEnumerable<string> Candidates()
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            yield return Path.Combine(at.FullName, ".i2v", "client.json");
        }

        if (checkout is not null)
        {
            yield return Path.Combine(checkout, ".i2v", "client.json");
        }

        yield return Path.Combine(configHome, "i2v", "config.json");
    }

    private static string? FindCheckout()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "I2V.Distributed.sln")))
            {
                return at.FullName;
            }
        }

        return null;
    }
}
