using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Scheduling;

/// <summary>The fence: everything that a worker says about a job counts only while this attempt holds the lease.</summary>
internal readonly record struct Lease(Guid JobId, int Attempt, Guid Token);

/// <summary>A claim as the row tells it; the handler makes links of the keys.</summary>
internal sealed record LeasedJob
{
    public required Lease Lease { get; init; }

    public required Guid TenantId { get; init; }

    public required JobSpec Spec { get; init; }

    public required string InputKey { get; init; }

    public required string InputSha256 { get; init; }

    public required int RunTimeoutSeconds { get; init; }

    public string? Traceparent { get; init; }
}

/// <summary>Figures that a worker sends along when it asks for work.</summary>
internal sealed record Claimant(Guid WorkerId, long? MemoryFreeBytes, string? WarmModel, long? HostFreeBytes = null);

/// <summary>What became of a claim.</summary>
internal abstract record ClaimResult
{
    private ClaimResult()
    {
    }

    public sealed record Claimed(LeasedJob Job) : ClaimResult;

    public sealed record NothingWaits : ClaimResult;

    /// <summary>No such worker, or it was replaced: it must register again.</summary>
    public sealed record UnknownWorker : ClaimResult;
}

/// <summary>The film and what was done to make it, after the stored objects were checked.</summary>
internal sealed record AttemptResult
{
    public required IReadOnlyList<Database.StoredArtifact> Outputs { get; init; }

    /// <summary>Of the video; with it a repeated report is told from a different one.</summary>
    public required string Sha256 { get; init; }

    public required AppliedSettings Applied { get; init; }

    public IReadOnlyList<Degradation> Degradations { get; init; } = [];

    public IReadOnlyList<JobWarning> Warnings { get; init; } = [];

    public JobMetrics? Metrics { get; init; }
}

/// <summary>A process incarnation that is about to be written down.</summary>
/// <param name="Id">A UUIDv7, never used again.</param>
/// <param name="Registration">What it said about itself.</param>
internal sealed record NewWorker(Guid Id, RegisterWorker Registration);
