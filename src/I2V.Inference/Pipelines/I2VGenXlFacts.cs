using I2V.Inference.Models;
using I2V.Inference.Sampling;

namespace I2V.Inference.Pipelines;

/// <summary>What an I2VGen-XL package must say of itself.</summary>
/// <param name="Latent">Its latents.</param>
/// <param name="Schedule">Its noise.</param>
/// <param name="ImageEncoder">How it looks at pictures.</param>
internal sealed record I2VGenXlFacts(LatentFacts Latent, NoiseSchedule Schedule, ImageEncoderFacts ImageEncoder)
{
    /// <exception cref="GenerationException">Something is missing, or not known.</exception>
    public static I2VGenXlFacts Read(ModelManifest manifest) => new(
        Needed(manifest, manifest.Latent, "latent"),
        ReadSchedule(manifest, Needed(manifest, manifest.Scheduler, "scheduler")),
        Needed(manifest, manifest.ImageEncoder, "image_encoder"));

    private static NoiseSchedule ReadSchedule(ModelManifest manifest, SchedulerConfig config)
    {
        try
        {
            // Both samplers, so that a spacing nobody knows is told when the model is loaded and not by the first job.
            var read = new NoiseSchedule(config);
            _ = (Timesteps.SingleStep(config, 1), Timesteps.MultiStep(config, 1));
            return read;
        }
        catch (NotSupportedException error)
        {
            throw new GenerationException(GenerationError.ModelLoadFailed, $"The schedule of the model {manifest.Name} is not known: {error.Message}.", error);
        }
    }

    private static T Needed<T>(ModelManifest manifest, T? facts, string name)
        where T : class => facts ?? throw new GenerationException(
            GenerationError.ModelLoadFailed, $"The manifest of the model {manifest.Name} has no {name}, which the family {manifest.Family} needs.");
}
