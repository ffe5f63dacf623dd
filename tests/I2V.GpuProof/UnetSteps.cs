using System.Diagnostics;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.GpuProof;

/// <summary>The UNet step after step, as the pipeline runs it: latents from and to the processor, the rest on the device.</summary>
internal sealed class UnetSteps : IDisposable
{
    private const int Warm = 4;
    private const int Measured = 10;

    private readonly INetwork unet;
    private readonly FilmSize size;
    private readonly Dictionary<string, OrtValue> inputs;

    /// <param name="unet">Loaded.</param>
    /// <param name="manifest">Of its package.</param>
    /// <param name="size">Of the film.</param>
    public UnetSteps(Network unet, ModelManifest manifest, FilmSize size)
        : this(unet, size, new StepInputs(unet, manifest, size))
    {
    }

    /// <param name="unet">Loaded, or streamed.</param>
    /// <param name="size">Of the film.</param>
    /// <param name="given">What it is given at each step.</param>
    public UnetSteps(INetwork unet, FilmSize size, StepInputs given)
    {
        (this.unet, this.size) = (unet, size);
        inputs = given.Take(0, StepInputs.Halves);
    }

    public float[] Step() => unet.RunToArray(size.Latents(), inputs, "noise_pred", CancellationToken.None);

    public JsonObject Measure()
    {
        var start = Stopwatch.GetTimestamp();
        Step();
        var first = Stopwatch.GetElapsedTime(start).TotalSeconds;
        for (var i = 1; i < Warm; i++)
        {
            Step();
        }

        var times = new double[Measured];
        for (var i = 0; i < Measured; i++)
        {
            start = Stopwatch.GetTimestamp();
            Step();
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        Array.Sort(times);
        return new JsonObject { ["ms_median"] = times[Measured / 2], ["ms_min"] = times[0], ["ms_max"] = times[^1], ["first_seconds"] = first };
    }

    public void Dispose()
    {
        foreach (var value in inputs.Values)
        {
            value.Dispose();
        }
    }
}
