namespace I2V.Protocol.Jobs;

/// <summary>What <c>POST /v1/jobs:estimate</c> answers: what would become of a request, without a job.</summary>
public sealed record JobEstimate
{
    public string Object { get; init; } = "estimate";

    public required string Model { get; init; }

    /// <summary>Always true: a request that is not is refused like a submit.</summary>
    public required bool Valid { get; init; }

    public required JobSettings Requested { get; init; }

    /// <summary>With every default filled in, before any card is looked at.</summary>
    public required JobSettings Applied { get; init; }

    public IReadOnlyList<JobWarning> Warnings { get; init; } = [];

    /// <summary>Live workers of the model that may take it, alike ones together, the fastest first.</summary>
    public required IReadOnlyList<EstimateClass> Workers { get; init; }

    /// <summary>Live workers of the model that may not.</summary>
    public required IReadOnlyList<WhyNot> WhyNot { get; init; }

    /// <summary>Where the job would stand if it were submitted now.</summary>
    public required QueueInfo Queue { get; init; }
}

/// <summary>Workers on devices of one name that would do the same.</summary>
public sealed record EstimateClass
{
    /// <summary>The device's name.</summary>
    public required string Device { get; init; }

    /// <summary>How many workers.</summary>
    public required int Count { get; init; }

    /// <summary><c>exact</c> (the film as asked), <c>degraded</c>, or <c>unknown</c>: their tables do not reach this size, so that only the claim will tell.</summary>
    public required string Fit { get; init; }

    /// <summary>The size that the figures are for; where it is larger than the film, they are upper bounds. Null when unknown, like all that follows.</summary>
    public EstimateBasis? Basis { get; init; }

    public string? Rung { get; init; }

    public IReadOnlyList<string> Techniques { get; init; } = [];

    public JobSettings? Applied { get; init; }

    public IReadOnlyList<Degradation> Degradations { get; init; } = [];

    /// <summary>Of the whole process.</summary>
    public long? PeakBytes { get; init; }

    /// <summary>Of a warm run.</summary>
    public double? Seconds { get; init; }

    public bool? Exact { get; init; }

    /// <summary>True when the figures come from a run on such a device, false when they are predicted.</summary>
    public bool? Measured { get; init; }
}

/// <summary>A row of a worker's table.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="NumFrames">Of the film.</param>
public sealed record EstimateBasis(int Width, int Height, int NumFrames);

/// <summary>Why a worker may not take a job.</summary>
/// <param name="Worker">Its name.</param>
/// <param name="Device">Its device's name.</param>
/// <param name="Code"><c>vram_insufficient</c>, <c>ram_insufficient</c> or <c>draining</c>.</param>
/// <param name="NeededBytes">What the smallest plan would need; null where a rule and no number decides.</param>
/// <param name="FreeBytes">What a plan could have there; null where a rule and no number decides.</param>
/// <param name="Message">One sentence.</param>
public sealed record WhyNot(string Worker, string Device, string Code, long? NeededBytes, long? FreeBytes, string Message);
