using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using I2V.Cli.Configuration;
using I2V.Protocol;
using I2V.Protocol.Errors;

namespace I2V.Cli.Client;

/// <summary>A call that the gateway did not answer, or refused. The message is for the user.</summary>
internal sealed class ApiException(string message, HttpStatusCode? status, Exception? inner = null) : Exception(message, inner)
{
    public TimeSpan? RetryAfter { get; private init; }

    /// <summary>True when the same call may succeed in a moment.</summary>
    public bool IsTransient => status is null or HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway
        or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    public int ExitCode => status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => Configuration.ExitCode.Unauthorized,
        HttpStatusCode.NotFound => Configuration.ExitCode.NotFound,
        HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity or HttpStatusCode.RequestEntityTooLarge
            or HttpStatusCode.UnsupportedMediaType => Configuration.ExitCode.Usage,
        _ => Configuration.ExitCode.Failure,
    };

    /// <summary>Repeats what the gateway says, every wrong field on a line of its own.</summary>
    public static async Task<ApiException> FromAsync(HttpResponseMessage response, CancellationToken ct)
    {
        var words = Words(await ReadProblemAsync(response, ct), response);
        return new ApiException(words, response.StatusCode) { RetryAfter = response.Headers.RetryAfter?.Delta };
    }

    public CliException ToCliException() => new(Message, ExitCode);

    private static string Words(Problem? problem, HttpResponseMessage response)
    {
        var sentence = problem?.Detail ?? problem?.Title ?? $"The gateway answered {(int)response.StatusCode} ({response.ReasonPhrase}).";
        var fields = problem?.Errors?.Select(e => $"  {e.Pointer}: {e.Detail}") ?? [];
        return string.Join(Environment.NewLine, fields.Prepend(sentence));
    }

    private static async Task<Problem?> ReadProblemAsync(HttpResponseMessage response, CancellationToken ct)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, ct);
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or HttpRequestException or IOException)
        {
            return null; // a proxy in between speaks HTML
        }
    }
}
