namespace I2V.Protocol.Jobs;

/// <summary>A lane as <c>/v1/queues</c> shows it: the jobs of all tenants that wait for the same kind of worker.</summary>
public sealed record QueueObject
{
    /// <summary>One of <see cref="Bus.Lanes"/>, such as <c>i2v.lane.motion</c>.</summary>
    public required string Lane { get; init; }

    public string Object { get; init; } = "queue";

    /// <summary>Jobs that wait, also for their next attempt.</summary>
    public required long Depth { get; init; }

    /// <summary>Seconds since the oldest of them was submitted; null when none waits.</summary>
    public double? OldestSeconds { get; init; }

    /// <summary>Jobs that their users keep back.</summary>
    public required long Held { get; init; }

    public required long Running { get; init; }

    /// <summary>Workers that are there and take jobs of the lane when it is open.</summary>
    public required long Workers { get; init; }

    /// <summary>True while nobody claims from it.</summary>
    public required bool Paused { get; init; }

    public DateTimeOffset? PausedAt { get; init; }
}

public sealed record QueueList(IReadOnlyList<QueueObject> Data)
{
    public string Object { get; init; } = "list";
}
