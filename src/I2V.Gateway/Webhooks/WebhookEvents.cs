using I2V.Protocol.Jobs;

namespace I2V.Gateway.Webhooks;

/// <summary>What a webhook can be about: the end of a job. The trigger <c>job_ended</c> knows the same four.</summary>
internal static class WebhookEvents
{
    public static IReadOnlyList<string> All { get; } = [JobEventTypes.Succeeded, JobEventTypes.Failed, JobEventTypes.Canceled, JobEventTypes.Expired];
}

/// <summary>The request's <c>webhook</c>: an address for this job alone.</summary>
internal sealed record JobWebhook(string Url, IReadOnlyList<string> Events);
