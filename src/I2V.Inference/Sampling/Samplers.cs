namespace I2V.Inference.Sampling;

/// <summary>The samplers by the names of manifests and requests.</summary>
internal static class Samplers
{
    public const string Ddim = "ddim";
    public const string DpmSolver = "dpm++2m";

    public static IReadOnlyList<string> Names { get; } = [Ddim, DpmSolver];

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="schedule">The model's.</param>
    /// <param name="steps">1 … the schedule's timesteps − 1.</param>
    /// <param name="seed">Of the noise that DDIM adds when <paramref name="eta"/> is above 0.</param>
    /// <param name="eta">0 … 1; DDIM only.</param>
    /// <exception cref="Pipelines.GenerationException">The schedule has no room for so many steps.</exception>
    public static ISampler Create(string name, NoiseSchedule schedule, int steps, long seed = 0, double eta = 0) => name switch
    {
        Ddim => new DdimSampler(schedule, steps, seed, eta),
        DpmSolver => new DpmSolverMultistepSampler(schedule, steps),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such sampler."),
    };
}
