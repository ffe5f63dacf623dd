namespace I2V.Protocol.Workers;

/// <summary>A worker as <c>/v1/workers</c> shows it.</summary>
public sealed record WorkerObject
{
    public required Guid Id { get; init; }

    public string Object { get; init; } = "worker";

    public required string Name { get; init; }

    public required WorkerDevice Device { get; init; }

    /// <summary>Names of the models that it serves.</summary>
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary><c>loading</c>, <c>idle</c>, <c>busy</c>, <c>draining</c> (takes nothing more, and is done when it has no <see cref="CurrentJob"/>), <c>silent</c> (not heard of for a while) or <c>gone</c>.</summary>
    public required string State { get; init; }

    /// <summary>The model that is loaded.</summary>
    public string? WarmModel { get; init; }

    public required string Version { get; init; }

    public required DateTimeOffset RegisteredAt { get; init; }

    public required DateTimeOffset LastSeenAt { get; init; }

    /// <summary><c>job_…</c>; null also when it runs somebody else's job.</summary>
    public string? CurrentJob { get; init; }

    /// <summary>The rung of the ladder on which that job is.</summary>
    public string? Rung { get; init; }
}

public sealed record WorkerList(IReadOnlyList<WorkerObject> Data)
{
    public string Object { get; init; } = "list";
}
