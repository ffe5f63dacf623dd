using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.GpuProof;

/// <summary>What the UNet is given at a step: random numbers of variance 1, the same in whatever way it is run.</summary>
internal sealed class StepInputs
{
    public const int Halves = 2;

    private readonly FilmSize size;
    private readonly List<Tensor> tensors;

    /// <param name="unet">Of which widths are read.</param>
    /// <param name="manifest">Of its package.</param>
    /// <param name="size">Of the film.</param>
    public StepInputs(Network unet, ModelManifest manifest, FilmSize size)
        : this(manifest, size, unet.Session.InputMetadata["context"].Dimensions[2], unet.Session.InputMetadata["fps_embedding"].Dimensions[1])
    {
    }

    /// <param name="manifest">Of the package.</param>
    /// <param name="size">Of the film.</param>
    /// <param name="width">Of a token of the context.</param>
    /// <param name="rate">Length of the embedding of frames per second.</param>
    public StepInputs(ModelManifest manifest, FilmSize size, long width, long rate)
    {
        this.size = size;
        var (h, w) = (size.Height / 8, size.Width / 8);
        var half = manifest.Precision == "fp16";
        tensors =
        [
            Random("sample", 1, half: false, 4, size.Frames, h, w),
            Random("context", 2, half, 145, width),
            Random("image_features", 3, half, 4, size.Frames, h, w),
            Random("fps_embedding", 4, half, rate),
        ];
    }

    /// <summary>Some halves' tensors, which the caller disposes.</summary>
    public Dictionary<string, OrtValue> Take(int first, int count)
    {
        var values = tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Take(first, count));
        values["timestep"] = OrtValue.CreateTensorValueFromMemory([501f], [1]);
        return values;
    }

    /// <summary>The network's answer for both halves.</summary>
    public float[] Run(INetwork unet) => Run(unet, 0, Halves);

    /// <summary>The same, one half after the other.</summary>
    public float[] RunSerially(INetwork unet) => [.. Run(unet, 0, 1), .. Run(unet, 1, 1)];

    private float[] Run(INetwork unet, int first, int count)
    {
        var inputs = Take(first, count);
        try
        {
            return unet.RunToArray(size.Latents(count), inputs, "noise_pred", CancellationToken.None);
        }
        finally
        {
            foreach (var value in inputs.Values)
            {
                value.Dispose();
            }
        }
    }

    private static Tensor Random(string name, int seed, bool half, params long[] shape)
    {
        var random = new Random(seed);
        var values = new float[Halves * Tensor.LengthOf(shape)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((random.NextDouble() - 0.5) * 2 * Math.Sqrt(3)); // of variance 1
        }

        return new Tensor(name, values, shape, half);
    }

    /// <param name="Name">Of the input.</param>
    /// <param name="Values">Of both halves.</param>
    /// <param name="Shape">Of one half.</param>
    /// <param name="IsHalf">Whether the network takes 16-bit numbers.</param>
    private sealed record Tensor(string Name, float[] Values, long[] Shape, bool IsHalf)
    {
        public static int LengthOf(long[] shape) => (int)shape.Aggregate(1L, (product, side) => product * side);

        public OrtValue Take(int first, int count)
        {
            var length = LengthOf(Shape);
            var taken = Values.AsSpan(first * length, count * length).ToArray();
            return IsHalf
                ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(taken, value => (Half)value), [count, .. Shape])
                : OrtValue.CreateTensorValueFromMemory(taken, [count, .. Shape]);
        }
    }
}
