using I2V.Gateway.Jobs.Intake;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Webhooks;

/// <summary>Checks what a request asks to be told: the address, and that there is a secret to sign with.</summary>
internal sealed class CheckWebhook(WebhookEndpoints endpoints, IOptions<WebhookOptions> options)
{
    private const string Pointer = "/webhook";

    public async Task CheckAsync(JobWebhook? webhook, Guid tenant, ErrorList errors, CancellationToken ct)
    {
        if (webhook is not { Url.Length: > 0 })
        {
            return;
        }

        if (WebhookUrl.FindProblem(webhook.Url, options.Value) is { } problem)
        {
            errors.Add(Pointer + "/url", problem);
        }

        if (!await endpoints.HasDefaultAsync(tenant, ct))
        {
            errors.Add(Pointer, "There is no secret yet to sign it with: POST /v1/webhook-endpoints/default/rotate makes one and shows it once.");
        }
    }
}
