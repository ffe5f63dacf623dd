using I2V.Inference.Models;
using I2V.Inference.Sampling;

namespace I2V.Inference.Pipelines;

/// <summary>The request's own values or else the model's.</summary>
internal sealed record I2VGenXlSettings(int Steps, double Guidance, string Sampler)
{
    public static I2VGenXlSettings Of(ModelManifest manifest, GenerationRequest request) => new(
        request.Steps ?? manifest.Defaults.Steps ?? manifest.Presets?.GetValueOrDefault(manifest.Defaults.Preset ?? "")?.Steps ?? 50,
        request.GuidanceScale ?? manifest.Defaults.GuidanceScale ?? 1,
        request.Sampler ?? manifest.Defaults.Sampler ?? Samplers.Ddim);
}
