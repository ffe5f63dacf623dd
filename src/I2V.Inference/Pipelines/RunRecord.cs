namespace I2V.Inference.Pipelines;

/// <summary>Counts that only grow, as they were when a run began: what they have grown by is the run's.</summary>
internal sealed class RunRecord
{
    private readonly I2VGenXlNetworks networks;
    private readonly I2VGenXlEncoders encoders;
    private readonly TimeSpan loadTime;
    private readonly (CacheUse Prompts, CacheUse Images, CacheUse Latents) before;

    public RunRecord(I2VGenXlNetworks networks, I2VGenXlEncoders encoders)
    {
        (this.networks, this.encoders) = (networks, encoders);
        (loadTime, before) = (networks.LoadTime, encoders.CacheUses);
    }

    public RunFacts End(PhaseAttempts attempts)
    {
        var now = encoders.CacheUses;
        return new RunFacts
        {
            Techniques = attempts.Techniques,
            StepsDown = attempts.StepsDown,
            PhaseSeconds = attempts.Seconds,
            LoadSeconds = (networks.LoadTime - loadTime).TotalSeconds,
            Prompts = Since(before.Prompts, now.Prompts),
            Images = Since(before.Images, now.Images),
            Latents = Since(before.Latents, now.Latents),
        };
    }

    private static CacheUse Since(CacheUse before, CacheUse now) => new(now.Hits - before.Hits, now.Misses - before.Misses);
}
