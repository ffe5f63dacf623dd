using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Webhooks;

namespace I2V.Gateway.Webhooks;

/// <summary>Reads the bodies about endpoints as strictly as a submit is read.</summary>
internal static class EndpointBody
{
    /// <exception cref="RefusedException">Something is wrong with it; everything that could be found is named.</exception>
    public static async Task<NewWebhookEndpoint> ReadNewAsync(HttpContext http, WebhookOptions options)
    {
        var errors = new ErrorList();
        var fields = await SmallBody.ReadAsync(http, errors, isOptional: false);
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
        var fields = await SmallBody.ReadAsync(http, errors, isOptional: false);
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
