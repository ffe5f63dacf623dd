using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Database;

// Read models of the tables in Migrations/0001_initial.sql. Rows of jobs are written by Scheduling/JobTransitions only.

internal sealed record TenantRow
{
    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public required int Weight { get; init; }

    public required int MaxQueued { get; init; }

    public required int MaxRunning { get; init; }

    public required int MaxPriority { get; init; }

    public required long MaxBytes { get; init; }

    /// <summary>Of all its keys together; null for no limit.</summary>
    public int? RequestsPerMinute { get; init; }
}

internal sealed record ApiKeyRow
{
    public required Guid Id { get; init; }

    public required Guid TenantId { get; init; }

    public required string Prefix { get; init; }

    public required byte[] KeyHash { get; init; }

    public required string[] Scopes { get; init; }

    /// <summary>Of this key alone; null for as many as its tenant.</summary>
    public int? RequestsPerMinute { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }
}

internal sealed record WorkerRow
{
    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public required string Host { get; init; }

    public required string DeviceId { get; init; }

    public required WorkerDevice Device { get; init; }

    public required IReadOnlyList<ModelCapability> Models { get; init; }

    public required string[] Lanes { get; init; }

    public required string Version { get; init; }

    /// <summary>What it said last: <c>loading</c>, <c>idle</c> or <c>draining</c>; <c>gone</c> once it left or was replaced.</summary>
    public required string State { get; init; }

    public long? MemoryFreeBytes { get; init; }

    public string? WarmModel { get; init; }

    public required DateTimeOffset RegisteredAt { get; init; }

    public required DateTimeOffset LastSeenAt { get; init; }
}

internal sealed record AttemptRow
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    public required Guid WorkerId { get; init; }

    public required string WorkerName { get; init; }

    public required WorkerDevice Device { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    /// <summary><c>succeeded</c>, <c>failed</c>, <c>released</c>, <c>refused</c> (it did not fit) or <c>lost</c>; null while it runs.</summary>
    public string? Outcome { get; init; }

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>How far it came.</summary>
    public JobProgress? Progress { get; init; }
}

internal sealed record EventRow
{
    public required Guid JobId { get; init; }

    /// <summary>1, 2, 3, … per job, in the order of the commits.</summary>
    public required long Seq { get; init; }

    /// <summary>One of <see cref="JobEventTypes"/>.</summary>
    public required string Type { get; init; }

    public required DateTimeOffset At { get; init; }

    public required JobEventData Data { get; init; }
}

/// <summary>A finished file and where it lies in the object store.</summary>
internal sealed record StoredArtifact(string Key, Artifact File);
