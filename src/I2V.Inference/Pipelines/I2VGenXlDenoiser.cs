using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Asks the UNet what to take away at a step. Latents and their arithmetic stay in the processor's memory in fp32: at
/// 512×512×16 they are 1 MB for a step that was measured at 133 ms on an H200, so their way to the device and back is
/// nothing, and in the network's own precision they would lose accuracy at every step. Everything larger is on the device.
/// </summary>
internal sealed class I2VGenXlDenoiser : IDisposable
{
    private readonly Network unet;
    private readonly FilmShape shape;
    private readonly Dictionary<string, long> sizes;
    private readonly Dictionary<string, OrtValue> inputs;
    private readonly float[] batch;
    private readonly float[] time = new float[1];
    private readonly float[] output;
    private readonly OrtValue sample;
    private readonly OrtValue timestep;

    public I2VGenXlDenoiser(Network unet, FilmShape shape, I2VGenXlConditions conditions)
    {
        (this.unet, this.shape, sizes) = (unet, shape, shape.Sizes());
        batch = new float[shape.Halves * shape.Length];
        output = new float[shape.Length];
        sample = HostTensor.Of(batch, shape.Halves, shape.Channels, shape.Frames, shape.Height, shape.Width);
        timestep = HostTensor.Of(time, 1);
        inputs = new Dictionary<string, OrtValue> { ["sample"] = sample, ["timestep"] = timestep };
        conditions.AddTo(inputs);
    }

    /// <summary>The network's output for latents at a timestep, both halves combined; valid until the next call.</summary>
    /// <param name="latents">[channels, frames, height, width].</param>
    /// <param name="at">Training timestep.</param>
    /// <param name="guidance">How far to go from the negative prompt's answer beyond the prompt's own.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    public ReadOnlySpan<float> Predict(ReadOnlySpan<float> latents, int at, float guidance, CancellationToken ct)
    {
        time[0] = at;
        for (var half = 0; half < shape.Halves; half++)
        {
            latents.CopyTo(batch.AsSpan(half * shape.Length));
        }

        using var noise = unet.Run(sizes, inputs, [("noise_pred", Place.Host)], ct)[0];
        var both = noise.GetTensorDataAsSpan<float>();
        if (shape.Halves == 1)
        {
            both.CopyTo(output);
        }
        else
        {
            Guide(both[..shape.Length], both[shape.Length..], guidance);
        }

        return output;
    }

    public void Dispose()
    {
        sample.Dispose();
        timestep.Dispose();
    }

    private void Guide(ReadOnlySpan<float> negative, ReadOnlySpan<float> positive, float guidance)
    {
        for (var i = 0; i < output.Length; i++)
        {
            output[i] = negative[i] + (guidance * (positive[i] - negative[i]));
        }
    }
}
