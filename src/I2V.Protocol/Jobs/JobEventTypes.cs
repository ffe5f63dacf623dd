namespace I2V.Protocol.Jobs;

/// <summary>Values of the <c>event:</c> line of a job's event stream.</summary>
public static class JobEventTypes
{
    public const string Snapshot = "snapshot";
    public const string Queued = "job.queued";
    public const string Started = "job.started";
    public const string Progress = "job.progress";
    public const string Preview = "job.preview";
    public const string Degraded = "job.degraded";
    public const string Retrying = "job.retrying";
    public const string Canceling = "job.canceling";
    public const string Succeeded = "job.succeeded";
    public const string Failed = "job.failed";
    public const string Canceled = "job.canceled";
    public const string Expired = "job.expired";
    public const string Ping = "ping";

    public static bool IsTerminal(string type) => type is Succeeded or Failed or Canceled or Expired;
}

/// <summary>The data of an event: what changed, and nothing that the job object would not say.</summary>
public sealed record JobEventData
{
    public required string JobId { get; init; }

    public required JobStatus Status { get; init; }

    public string? StatusReason { get; init; }

    public required DateTimeOffset At { get; init; }

    public int? Attempt { get; init; }

    public JobProgress? Progress { get; init; }

    public JobError? Error { get; init; }

    /// <summary>Only in <see cref="JobEventTypes.Degraded"/>.</summary>
    public DegradedStep? Degraded { get; init; }
}

/// <summary>Memory ran out in the middle of an attempt, which goes on a rung further down.</summary>
/// <param name="Phase">Where it ran out.</param>
/// <param name="FromRung">As planned.</param>
/// <param name="ToRung">From now on.</param>
/// <param name="Degradation">What the film loses by it; null when the rung costs time only.</param>
public sealed record DegradedStep(JobPhase Phase, string FromRung, string ToRung, Degradation? Degradation);
