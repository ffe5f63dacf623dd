using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Webhooks;
using Microsoft.Net.Http.Headers;

namespace I2V.Gateway.Webhooks;

/// <summary>Reads the bodies about endpoints as strictly as a submit is read.</summary>
internal static class EndpointBody
{
    private const int MaxBytes = 16 << 10;

    /// <exception cref="RefusedException">Something is wrong with it; everything that could be found is named.</exception>
    public static async Task<NewWebhookEndpoint> ReadNewAsync(HttpContext http, WebhookOptions options)
    {
        var errors = new ErrorList();
        var fields = await ReadAsync(http, errors);
        var (url, events) = (ReadUrl(fields, options, errors), fields.Texts("events", WebhookEvents.All));
        fields.Close();
        if (url is null && !errors.Has("/url"))
        {
            errors.Add("/url", "An address is required, such as https://example.com/hooks.");
        }

        errors.ThrowIfAny();
        return new NewWebhookEndpoint { Url = url!, Events = events ?? WebhookEvents.All };
    }

    /// <exception cref="RefusedException">Something is wrong with it, or it changes nothing.</exception>
    public static async Task<WebhookEndpointChange> ReadChangeAsync(HttpContext http, WebhookOptions options)
    {
        var errors = new ErrorList();
        var fields = await ReadAsync(http, errors);
        var change = new WebhookEndpointChange
        {
            Url = ReadUrl(fields, options, errors),
            Events = fields.Texts("events", WebhookEvents.All),
            Disabled = fields.Flag("disabled"),
        };
        fields.Close();
        if (!errors.Any && change == new WebhookEndpointChange())
        {
            errors.Add("", "Changes nothing: give url, events or disabled.");
        }

        errors.ThrowIfAny();
        return change;
    }

    private static async Task<Fields> ReadAsync(HttpContext http, ErrorList errors)
    {
        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type) || type.MediaType != "application/json")
        {
            throw new RefusedException(Problems.ForStatus(StatusCodes.Status415UnsupportedMediaType));
        }

        var body = await BoundedBody.ReadAsync(http.Request.Body, MaxBytes, "The body is larger than 16 KiB, the most that is taken.", http.RequestAborted);
        return new Fields(StrictJson.Parse(body, errors) ?? throw errors.Refusal(), errors);
    }

    private static string? ReadUrl(Fields fields, WebhookOptions options, ErrorList errors)
    {
        var url = fields.Text("url", WebhookUrl.MaxCharacters, minCharacters: 1);
        if (url is not null && WebhookUrl.FindProblem(url, options) is { } problem)
        {
            errors.Add("/url", problem);
        }

        return url;
    }
}
