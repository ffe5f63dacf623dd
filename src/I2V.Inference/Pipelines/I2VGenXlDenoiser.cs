using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Asks the UNet what to take away at a step: for both guidance halves at once or one after the other, for all frames or
/// window by window. Latents and their arithmetic stay in the processor's memory in fp32: at 512×512×16 they are 1 MB for a
/// step that was measured at 133 ms on an H200, so their way to the device and back is nothing, and in the network's own
/// precision they would lose accuracy at every step. Everything larger is on the device.
/// </summary>
internal sealed class I2VGenXlDenoiser : IDisposable
{
    private readonly INetwork unet;
    private readonly FilmShape film;
    private readonly FilmShape window;
    private readonly TemporalWindows windows;
    private readonly I2VGenXlConditions conditions;
    private readonly Dictionary<string, long> sizes;
    private readonly float[] batch;
    private readonly float[] time = new float[1];
    private readonly float[] answers;
    private readonly float[] output;
    private readonly OrtValue sample;
    private readonly OrtValue timestep;

    /// <param name="unet">The network.</param>
    /// <param name="film">The whole film's shape.</param>
    /// <param name="windows">Of its frames.</param>
    /// <param name="conditions">Of the film.</param>
    public I2VGenXlDenoiser(INetwork unet, FilmShape film, TemporalWindows windows, I2VGenXlConditions conditions)
    {
        (this.unet, this.film, this.windows, this.conditions) = (unet, film, windows, conditions);
        window = film with { Frames = windows.Length };
        var part = window with { Halves = conditions.HalvesInRun };
        sizes = part.Sizes();
        batch = new float[part.Halves * part.Length];
        answers = new float[film.Halves * window.Length];
        output = new float[film.Length];
        sample = HostTensor.Of(batch, part.Halves, part.Channels, part.Frames, part.Height, part.Width);
        timestep = HostTensor.Of(time, 1);
    }

    /// <summary>The network's output for latents at a timestep, both halves combined; valid until the next call.</summary>
    /// <param name="latents">[channels, frames, height, width].</param>
    /// <param name="at">Training timestep.</param>
    /// <param name="guidance">How far to go from the negative prompt's answer beyond the prompt's own.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    public ReadOnlySpan<float> Predict(ReadOnlySpan<float> latents, int at, float guidance, CancellationToken ct)
    {
        time[0] = at;
        if (windows.IsWhole)
        {
            Ask(latents, 0, ct);
            Combine(guidance).CopyTo(output);
            return output;
        }

        Array.Clear(output);
        var frames = new float[window.Length];
        for (var number = 0; number < windows.Firsts.Count; number++)
        {
            windows.Cut(latents, number, film.Plane, frames);
            Ask(frames, number, ct);
            windows.Add(Combine(guidance), number, film.Plane, output);
        }

        return output;
    }

    public void Dispose()
    {
        sample.Dispose();
        timestep.Dispose();
    }

    /// <summary>Fills <see cref="answers"/> with the network's output for each half.</summary>
    private void Ask(ReadOnlySpan<float> latents, int number, CancellationToken ct)
    {
        for (var at = 0; at < batch.Length; at += latents.Length)
        {
            latents.CopyTo(batch.AsSpan(at));
        }

        for (var run = 0; run < conditions.Runs; run++)
        {
            var inputs = new Dictionary<string, OrtValue> { ["sample"] = sample, ["timestep"] = timestep };
            conditions.AddTo(inputs, run, number);
            using var noise = unet.Run(sizes, inputs, [("noise_pred", Place.Host)], ct)[0];
            noise.GetTensorDataAsSpan<float>().CopyTo(answers.AsSpan(run * batch.Length));
        }
    }

    /// <summary>Classifier-free guidance, in the place of the first half's answer.</summary>
    private Span<float> Combine(float guidance)
    {
        var negative = answers.AsSpan(0, window.Length);
        if (film.Halves == 2)
        {
            var positive = answers.AsSpan(window.Length);
            for (var i = 0; i < negative.Length; i++)
            {
                negative[i] += guidance * (positive[i] - negative[i]);
            }
        }

        return negative;
    }
}
