using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Packages;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Packages;

/// <summary>The denoiser of the published size for CUDA, planned once and never written.</summary>
internal static class FullDenoiser
{
    private static readonly Lazy<PlannedComponent> Planned = new(() => new PlannedComponent(
        I2VGenXl.Networks(I2VGenXlConfigs.Full, _ => new RandomWeights("", 0), Target.Fused, TensorElementType.Float16, eightBit: true).Single(network => network.Name == "unet"),
        Target.Fused,
        "random"));

    public static PlannedComponent Fused => Planned.Value;
}
