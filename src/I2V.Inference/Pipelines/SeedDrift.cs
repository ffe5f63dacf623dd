namespace I2V.Inference.Pipelines;

/// <summary>Where a seed lets the camera drift: the same on every machine.</summary>
internal static class SeedDrift
{
    /// <returns>x and y, each −1 … 1, evenly spread over the seeds.</returns>
    public static float[] From(long seed)
    {
        var state = (ulong)seed;
        return [Next(ref state), Next(ref state)];
    }

    // SplitMix64: neighbouring seeds give unrelated numbers.
    private static float Next(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        mixed ^= mixed >> 31;
        return (float)(((mixed >> 11) * (1.0 / (1UL << 52))) - 1);
    }
}
