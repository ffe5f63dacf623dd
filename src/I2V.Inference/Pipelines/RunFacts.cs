using I2V.Inference.Planning;

namespace I2V.Inference.Pipelines;

/// <summary>What a run did, for metrics.</summary>
public sealed record RunFacts
{
    /// <summary>Those it ended with: the request's, or others after steps down.</summary>
    public required Techniques Techniques { get; init; }

    /// <summary>How often a phase was repeated with less, for want of the device's memory.</summary>
    public required int StepsDown { get; init; }

    /// <summary>Phase → seconds of work, loading and repetitions included; waiting for who takes the frames is not.</summary>
    public required IReadOnlyDictionary<GenerationPhase, double> PhaseSeconds { get; init; }

    /// <summary>Seconds that networks took to load, which are part of those of their phases.</summary>
    public required double LoadSeconds { get; init; }

    /// <summary>Prompts whose meaning was known from an earlier run, and those that were not.</summary>
    public required CacheUse Prompts { get; init; }

    /// <summary>The same of what a picture shows.</summary>
    public required CacheUse Images { get; init; }

    /// <summary>The same of a picture's latents.</summary>
    public required CacheUse Latents { get; init; }
}

/// <summary>Results that were kept, and results that had to be made.</summary>
public sealed record CacheUse(int Hits, int Misses);
