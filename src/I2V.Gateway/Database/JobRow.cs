using I2V.Gateway.Webhooks;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Database;

/// <summary>A job for reading. Changes go through <c>Scheduling/JobTransitions</c>.</summary>
internal sealed record JobRow
{
    public required Guid Id { get; init; }

    public required Guid TenantId { get; init; }

    public required JobStatus State { get; init; }

    public string? StatusReason { get; init; }

    public required string Model { get; init; }

    public required string Lane { get; init; }

    /// <summary>What a card must have at least; null where anybody may try, such as for a job that may be degraded.</summary>
    public long? NeededBytes { get; init; }

    public required int Priority { get; init; }

    public Guid? BatchId { get; init; }

    public Guid? RetryOf { get; init; }

    /// <summary>Who is told of the job's end besides the tenant's endpoints.</summary>
    public JobWebhook? Webhook { get; init; }

    public required JobSettings Requested { get; init; }

    public required JobSpec Spec { get; init; }

    public AppliedSettings? Applied { get; init; }

    public required IReadOnlyList<Degradation> Degradations { get; init; }

    public required IReadOnlyList<JobWarning> Warnings { get; init; }

    public JobProgress? Progress { get; init; }

    public JobMetrics? Metrics { get; init; }

    /// <summary>Set exactly when the job has succeeded.</summary>
    public IReadOnlyList<StoredArtifact>? Outputs { get; init; }

    public required IReadOnlyDictionary<string, string> Tags { get; init; }

    /// <summary>Seconds from the job's end that its picture and film are kept, and that links to them work.</summary>
    public required int OutputExpiresIn { get; init; }

    public required string InputKey { get; init; }

    public required string InputSha256 { get; init; }

    public required int InputWidth { get; init; }

    public required int InputHeight { get; init; }

    public required long InputBytes { get; init; }

    public required int Attempt { get; init; }

    public required int Failures { get; init; }

    public required int MaxFailures { get; init; }

    public required int Crashes { get; init; }

    public required int Releases { get; init; }

    public Guid? LeaseOwner { get; init; }

    public DateTimeOffset? LeaseExpiresAt { get; init; }

    public required int RunTimeoutSeconds { get; init; }

    public required DateTimeOffset AvailableAt { get; init; }

    public DateTimeOffset? DeadlineAt { get; init; }

    public DateTimeOffset? StartDeadlineAt { get; init; }

    public DateTimeOffset? CancelRequestedAt { get; init; }

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>The job's newest event.</summary>
    public required long EventSeq { get; init; }

    public string? Traceparent { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Since when its picture and film are gone.</summary>
    public DateTimeOffset? FilesGoneAt { get; init; }

    /// <summary>How long links to the film may work from now; null when the film is gone, or goes within a second.</summary>
    public TimeSpan? OutputLifetime(DateTimeOffset now) =>
        FilesGoneAt is null && FinishedAt + TimeSpan.FromSeconds(OutputExpiresIn) - now is { TotalSeconds: >= 1 } left ? left : null;
}
