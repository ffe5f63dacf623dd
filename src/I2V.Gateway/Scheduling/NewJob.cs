using I2V.Gateway.Webhooks;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Scheduling;

/// <summary>A job that was checked and whose input is stored: all that is left is to write it down.</summary>
internal sealed record NewJob
{
    /// <summary>A UUIDv7 from <see cref="TimeProvider"/>, so that jobs sort by age.</summary>
    public required Guid Id { get; init; }

    public required Guid TenantId { get; init; }

    /// <summary>One of <see cref="Protocol.Bus.Lanes"/>: who may take it.</summary>
    public required string Lane { get; init; }

    /// <summary>What a card must have at least; null where anybody may try, such as for a job that may be degraded.</summary>
    public long? NeededBytes { get; init; }

    /// <summary>−10 … 10.</summary>
    public int Priority { get; init; }

    public required JobSettings Requested { get; init; }

    public required JobSpec Spec { get; init; }

    public IReadOnlyList<JobWarning> Warnings { get; init; } = [];

    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    public JobOutputOptions Output { get; init; } = new();

    public required JobInput Input { get; init; }

    /// <summary>Longest time that one attempt may take.</summary>
    public TimeSpan RunTimeout { get; init; } = TimeSpan.FromMinutes(25);

    /// <summary>From now to the end, whatever happens in between; null for no limit.</summary>
    public TimeSpan? CancelAfter { get; init; }

    /// <summary>From now to the first start; null for no limit.</summary>
    public TimeSpan? StartWithin { get; init; }

    /// <summary>Who else is told when it ends.</summary>
    public JobWebhook? Webhook { get; init; }

    public Guid? BatchId { get; init; }

    public Guid? RetryOf { get; init; }

    public string? Traceparent { get; init; }
}

/// <param name="Key">Where the normalised image lies in the object store.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Bytes">Size of the stored object.</param>
internal sealed record JobInput(string Key, string Sha256, int Width, int Height, long Bytes);

/// <param name="Key">The caller's <c>Idempotency-Key</c>, 1 … 255 characters.</param>
/// <param name="RequestHash">SHA-256 over the canonical request.</param>
internal sealed record IdempotencyClaim(string Key, byte[] RequestHash);

/// <summary>What became of a submit.</summary>
internal abstract record SubmitResult
{
    private SubmitResult()
    {
    }

    public sealed record Created(Guid JobId) : SubmitResult;

    /// <summary>The same request under the same key was accepted before, as this job.</summary>
    public sealed record Replayed(Guid JobId) : SubmitResult;

    /// <summary>The key belongs to another request.</summary>
    public sealed record KeyReused : SubmitResult;

    /// <summary>The tenant has as many jobs waiting as it may.</summary>
    public sealed record QueueFull(int MaxQueued) : SubmitResult;
}

internal enum CancelResult
{
    Unknown = 0,
    NotFound = 1,
    Canceled = 2,

    /// <summary>A worker runs it and will be told with its next heartbeat.</summary>
    Canceling = 3,
    AlreadyFinished = 4,
}
