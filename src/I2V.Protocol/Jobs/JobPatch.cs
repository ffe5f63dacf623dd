namespace I2V.Protocol.Jobs;

/// <summary><c>PATCH /v1/jobs/{id}</c>; what is absent stays as it is.</summary>
public sealed record JobPatch
{
    /// <summary>−10 … 10, within what the tenant may have; only while the job waits.</summary>
    public int? Priority { get; init; }

    /// <summary>All tags: those that are not named are gone.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>True keeps a waiting job from being started, false lets it go.</summary>
    public bool? Hold { get; init; }
}

/// <summary><c>POST /v1/jobs/{id}/finalize</c></summary>
public sealed record FinalizeRequest
{
    /// <summary>A preset of the model with more steps than the job had; <c>final</c> when absent.</summary>
    public string? Preset { get; init; }
}
