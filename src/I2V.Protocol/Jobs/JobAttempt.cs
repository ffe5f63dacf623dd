namespace I2V.Protocol.Jobs;

/// <summary>One try of one worker at a job.</summary>
public sealed record JobAttempt
{
    public required int Number { get; init; }

    public required string Worker { get; init; }

    public required GpuInfo Gpu { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Null while it runs.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary><c>succeeded</c>, <c>failed</c>, <c>released</c>, <c>refused</c> (it did not fit) or <c>lost</c>; null while it runs.</summary>
    public string? Outcome { get; init; }

    /// <summary>How far it came.</summary>
    public JobProgress? Progress { get; init; }

    public JobError? Error { get; init; }
}

/// <summary>All attempts of a job, oldest first.</summary>
public sealed record JobAttemptList(IReadOnlyList<JobAttempt> Data)
{
    public string Object { get; init; } = "list";
}
