namespace I2V.Inference.Pipelines;

/// <summary>Noise in place of that of the seed: to compare with another implementation, whose generator is not ours.</summary>
/// <param name="Latents">[channels, frames, height, width].</param>
/// <param name="Posterior">[channels, height, width], for the picture's latents.</param>
internal sealed record GivenNoise(float[] Latents, float[] Posterior);
