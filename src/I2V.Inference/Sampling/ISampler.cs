namespace I2V.Inference.Sampling;

/// <summary>Walks latents from noise to a film, one prediction of the network at a time. For one run.</summary>
internal interface ISampler
{
    /// <summary>What the network is told at each step, the noisiest first.</summary>
    IReadOnlyList<int> Timesteps { get; }

    /// <summary>The film without noise, as the last step saw it; empty before the first.</summary>
    ReadOnlySpan<float> Denoised { get; }

    /// <summary>Takes the next step.</summary>
    /// <param name="output">What the network said of <paramref name="sample"/> at this step's timestep.</param>
    /// <param name="sample">The latents; overwritten with those of the next step.</param>
    void Step(ReadOnlySpan<float> output, Span<float> sample);
}
