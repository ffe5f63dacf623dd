using I2V.Protocol.Jobs;

namespace I2V.Protocol.Webhooks;

/// <summary>The body of a webhook.</summary>
/// <param name="Type">The event: <c>job.succeeded</c>, <c>job.failed</c>, <c>job.canceled</c> or <c>job.expired</c>.</param>
/// <param name="Timestamp">When it happened, which is before it was sent.</param>
/// <param name="Data">The job as <c>GET /v1/jobs/{id}</c> tells it, with links as fresh as the attempt.</param>
public sealed record WebhookMessage(string Type, DateTimeOffset Timestamp, JobObject Data);

/// <summary>Body of <c>POST /v1/webhook-endpoints</c>.</summary>
public sealed record NewWebhookEndpoint
{
    /// <summary>Where to send to: https, up to 2,048 characters.</summary>
    public required string Url { get; init; }

    /// <summary>Which events; all four when absent.</summary>
    public IReadOnlyList<string>? Events { get; init; }
}

/// <summary>Body of <c>PATCH /v1/webhook-endpoints/{id}</c>. What is absent stays.</summary>
public sealed record WebhookEndpointChange
{
    public string? Url { get; init; }

    public IReadOnlyList<string>? Events { get; init; }

    /// <summary>True stops deliveries and ends those that wait; false starts them again.</summary>
    public bool? Disabled { get; init; }
}

/// <summary>A receiver of a tenant's events.</summary>
public sealed record WebhookEndpoint
{
    public required string Id { get; init; }

    public string Object { get; init; } = "webhook_endpoint";

    /// <summary>Absent for <c>default</c>, whose addresses come with the jobs.</summary>
    public string? Url { get; init; }

    public required IReadOnlyList<string> Events { get; init; }

    /// <summary><c>whsec_</c> and base64. Only in the answer that made it: it is never shown again.</summary>
    public string? Secret { get; init; }

    /// <summary>Until then the secret before this one signs too.</summary>
    public DateTimeOffset? PreviousSecretExpiresAt { get; init; }

    public DateTimeOffset? DisabledAt { get; init; }

    public string? DisabledReason { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

public sealed record WebhookEndpointList
{
    public string Object { get; init; } = "list";

    public required IReadOnlyList<WebhookEndpoint> Data { get; init; }
}

/// <summary>One event on its way to one receiver, with every attempt.</summary>
public sealed record WebhookDelivery
{
    /// <summary>The <c>webhook-id</c> that the receiver sees, at every attempt.</summary>
    public required string Id { get; init; }

    public string Object { get; init; } = "webhook_delivery";

    /// <summary><c>pending</c>, <c>delivered</c> or <c>failed</c>.</summary>
    public required string Status { get; init; }

    public required string Event { get; init; }

    public required string JobId { get; init; }

    /// <summary>Absent when the job brought the address along.</summary>
    public string? EndpointId { get; init; }

    public required string Url { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? NextAttemptAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    /// <summary>Oldest first; the newest fifty.</summary>
    public required IReadOnlyList<WebhookAttempt> Attempts { get; init; }
}

/// <summary>What came of one attempt: an answer, or the reason why there was none.</summary>
public sealed record WebhookAttempt
{
    public required DateTimeOffset At { get; init; }

    public required double DurationSeconds { get; init; }

    public int? StatusCode { get; init; }

    /// <summary>The first 1,024 bytes of the answer.</summary>
    public string? Body { get; init; }

    public string? Error { get; init; }
}

public sealed record WebhookDeliveryList
{
    public string Object { get; init; } = "list";

    public required IReadOnlyList<WebhookDelivery> Data { get; init; }

    public required bool HasMore { get; init; }

    public string? NextCursor { get; init; }
}
