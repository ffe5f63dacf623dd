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
    private const int Halves = 2;

    private readonly INetwork unet;
    private readonly FilmSize size;
    private readonly Dictionary<string, OrtValue> inputs;

    /// <param name="unet">Loaded.</param>
    /// <param name="manifest">Of its package.</param>
    /// <param name="size">Of the film.</param>
    public UnetSteps(Network unet, ModelManifest manifest, FilmSize size)
        : this(unet, manifest, size, unet.Session.InputMetadata["context"].Dimensions[2], unet.Session.InputMetadata["fps_embedding"].Dimensions[1])
    {
    }

    /// <param name="unet">Loaded, or streamed.</param>
    /// <param name="manifest">Of its package.</param>
    /// <param name="size">Of the film.</param>
    /// <param name="width">Of a token of the context.</param>
    /// <param name="rate">Length of the embedding of frames per second.</param>
    public UnetSteps(INetwork unet, ModelManifest manifest, FilmSize size, long width, long rate)
    {
        (this.unet, this.size) = (unet, size);
        var (h, w) = (size.Height / 8, size.Width / 8);
        var half = manifest.Precision == "fp16";
        inputs = new Dictionary<string, OrtValue>
        {
            ["sample"] = Random(1, half: false, Halves, 4, size.Frames, h, w),
            ["timestep"] = OrtValue.CreateTensorValueFromMemory([501f], [1]),
            ["context"] = Random(2, half, Halves, 145, width),
            ["image_features"] = Random(3, half, Halves, 4, size.Frames, h, w),
            ["fps_embedding"] = Random(4, half, Halves, rate),
        };
    }

    public float[] Step()
    {
        using var noise = unet.Run(size.Latents(), inputs, [("noise_pred", Place.Host)], CancellationToken.None)[0];
        return noise.GetTensorDataAsSpan<float>().ToArray();
    }

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

    private static OrtValue Random(int seed, bool half, params long[] shape)
    {
        var random = new Random(seed);
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((random.NextDouble() - 0.5) * 2 * Math.Sqrt(3)); // of variance 1
        }

        return half
            ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, value => (Half)value), shape)
            : OrtValue.CreateTensorValueFromMemory(values, shape);
    }
}
