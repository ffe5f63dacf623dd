using I2V.Protocol.Jobs;

namespace I2V.Protocol.Workers;

/// <summary>
/// What the worker's planner does with a request of one size while nothing else is on its device. A table holds some sizes (buckets)
/// of a model; several rows of one size are several rungs, and the first of them is what the planner takes. A size that is not in the
/// table is judged by its neighbours: what fits a larger one fits it, and what a smaller one cannot have it cannot have.
/// </summary>
public sealed record FitRow
{
    /// <summary>Pixels, as asked.</summary>
    public required int Width { get; init; }

    /// <summary>Pixels, as asked.</summary>
    public required int Height { get; init; }

    /// <summary>As asked.</summary>
    public required int NumFrames { get; init; }

    /// <summary>True when two guidance halves are computed.</summary>
    public bool Guided { get; init; }

    /// <summary>The rung of the ladder; null when even the deepest one does not fit.</summary>
    public string? Rung { get; init; }

    public IReadOnlyList<string> Techniques { get; init; } = [];

    /// <summary>Pixels of the film; null: as asked.</summary>
    public int? AppliedWidth { get; init; }

    /// <summary>Pixels of the film; null: as asked.</summary>
    public int? AppliedHeight { get; init; }

    /// <summary>Frames of the film; null: as asked.</summary>
    public int? AppliedNumFrames { get; init; }

    /// <summary>Bytes of the whole process at most; without a rung, of the smallest plan that there is.</summary>
    public required long PeakBytes { get; init; }

    /// <summary>Of a warm run with <see cref="Steps"/> steps; null when nothing was measured that could tell.</summary>
    public double? Seconds { get; init; }

    /// <summary>What one step more or less adds; null for models without steps.</summary>
    public double? SecondsPerStep { get; init; }

    /// <summary>The steps that <see cref="Seconds"/> is for; null for models without steps.</summary>
    public int? Steps { get; init; }

    /// <summary>True when the film is the one that was asked for: exact techniques only, and no setting changed.</summary>
    public bool Exact { get; init; }

    /// <summary>True when the figures come from a run on such a device, false when they are predicted.</summary>
    public bool Measured { get; init; }

    /// <summary>What is not as asked, with its reasons.</summary>
    public IReadOnlyList<Degradation> Degradations { get; init; } = [];

    /// <summary>Why there is no rung: <c>vram_insufficient</c> or <c>ram_insufficient</c>; null where there is one.</summary>
    public string? Code { get; init; }
}

/// <summary>
/// <c>POST /worker/v1/claims/{lease}/refuse</c>: the job does not fit this worker now. It goes back to the queue, which costs it
/// nothing, and this worker does not get it again until its free memory has grown by what was missing, or it registers anew.
/// </summary>
public sealed record RefuseJob
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    /// <summary><c>vram_insufficient</c> or <c>ram_insufficient</c>.</summary>
    public required string Code { get; init; }

    /// <summary>
    /// Bytes of the smallest plan that the job's rules allow. No more than <see cref="FreeBytes"/> where a rule decides and no number:
    /// then only a new registration helps.
    /// </summary>
    public required long NeededBytes { get; init; }

    /// <summary>Bytes that a plan could have here.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>One sentence for the user: no paths, no addresses, no secrets.</summary>
    public required string Message { get; init; }
}

/// <summary>
/// <c>POST /worker/v1/claims/{lease}/degraded</c>: memory ran out and the attempt goes on a rung further down. Saying it again changes
/// nothing; 409 when the lease is gone.
/// </summary>
public sealed record JobDegraded
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    /// <summary>Where memory ran out.</summary>
    public required JobPhase Phase { get; init; }

    public required string FromRung { get; init; }

    /// <summary>May be the same rung when <see cref="Degradation"/> says which setting went down.</summary>
    public required string ToRung { get; init; }

    /// <summary>What is applied from now on, when the caller tells it; else only the rung changes.</summary>
    public AppliedSettings? Applied { get; init; }

    /// <summary>What the film loses by it; null when the rung costs time only.</summary>
    public Degradation? Degradation { get; init; }

    /// <summary>Everything that is not as asked from now on, where the attempt was planned anew; null: <see cref="Degradation"/> comes to what was.</summary>
    public IReadOnlyList<Degradation>? Degradations { get; init; }
}

/// <summary>How an attempt is carried out, as far as it is known before there is a film.</summary>
public sealed record AttemptPlan
{
    public required AppliedSettings Applied { get; init; }

    public IReadOnlyList<Degradation> Degradations { get; init; } = [];
}
