using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Inference.Pipelines;

/// <summary>Where a pipeline runs.</summary>
public sealed record DeviceOptions
{
    /// <summary><c>cpu</c>, <c>cuda</c> or <c>webgpu</c>.</summary>
    public string Provider { get; init; } = "cpu";

    /// <summary>From 0. For CUDA its own number, after <c>CUDA_VISIBLE_DEVICES</c>.</summary>
    public int DeviceId { get; init; }

    /// <summary>Processor threads for one operator; 0 lets the runtime choose.</summary>
    public int Threads { get; init; }

    /// <summary>For the provider cuda.</summary>
    public CudaTuning Tuning { get; init; } = new();
}

/// <summary>Opens a package and builds the pipeline of its family.</summary>
public static class PipelineLoader
{
    /// <param name="package">Opened, so its files are whole.</param>
    /// <param name="device">Where it shall run.</param>
    /// <param name="techniques">Those that runs will use: what they keep loaded is loaded now. Null for none: everything.</param>
    /// <exception cref="GenerationException">The package or the runtime cannot be used; out of device memory has its own error.</exception>
    public static IVideoPipeline Load(ModelPackage package, DeviceOptions device, Techniques? techniques = null) => package.Manifest.Family switch
    {
        "motion" => new MotionPipeline(package, device),
        "i2vgen-xl" => new I2VGenXlPipeline(package, device, techniques),
        var family => throw new GenerationException(
            GenerationError.ModelLoadFailed,
            $"The model {package.Manifest.Name} is of the family {family}, which this version cannot run; it runs motion and i2vgen-xl."),
    };
}
