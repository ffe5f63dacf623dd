using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>What does not depend on the step, computed once; it stays on the device until it is disposed.</summary>
internal sealed class I2VGenXlConditions : IDisposable
{
    private const string Features = "image_features";

    private static readonly string[] Names = ["context", "fps_embedding", Features];

    private readonly List<Part> parts = [];

    private I2VGenXlConditions(int halvesInRun) => HalvesInRun = halvesInRun;

    /// <summary>Guidance halves that the UNet is asked about together.</summary>
    public int HalvesInRun { get; }

    /// <summary>How often it is asked about a window of frames.</summary>
    public int Runs => parts.Count;

    /// <summary>
    /// Runs the network for the whole film, whatever the windows: it is small, and so every window is told of the picture and
    /// of its frames' places what it would be told without windows.
    /// </summary>
    /// <param name="network">The conditioning network.</param>
    /// <param name="shape">Of the film.</param>
    /// <param name="known">What the encoders said.</param>
    /// <param name="windows">Of the film.</param>
    /// <param name="serial">For one guidance half after the other.</param>
    /// <param name="fps">Frames per second.</param>
    /// <param name="ct">Ends the run.</param>
    public static I2VGenXlConditions Make(
        INetwork network, FilmShape shape, I2VGenXlKnowledge known, TemporalWindows windows, bool serial, int fps, CancellationToken ct)
    {
        var made = new I2VGenXlConditions(serial ? 1 : shape.Halves);
        try
        {
            for (var half = 0; half < shape.Halves; half += made.HalvesInRun)
            {
                made.Add(network, shape, known, windows, half, fps, ct);
            }

            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>Adds the values for a run to a network's inputs.</summary>
    /// <param name="inputs">By name.</param>
    /// <param name="run">From 0; the negative prompt's first.</param>
    /// <param name="window">Of the film, from 0.</param>
    public void AddTo(Dictionary<string, OrtValue> inputs, int run, int window)
    {
        inputs[Names[0]] = parts[run].Context;
        inputs[Names[1]] = parts[run].Rate;
        inputs[Features] = parts[run].Features[window];
    }

    public void Dispose()
    {
        foreach (var value in parts.SelectMany(part => (OrtValue[])[part.Context, part.Rate, .. part.Features]))
        {
            value.Dispose();
        }
    }

    private void Add(INetwork network, FilmShape film, I2VGenXlKnowledge known, TemporalWindows windows, int half, int fps, CancellationToken ct)
    {
        var (shape, width) = (film with { Halves = HalvesInRun }, known.Meaning.Length);
        var meanings = new float[HalvesInRun * width];
        if (half + HalvesInRun == film.Halves)
        {
            known.Meaning.CopyTo(meanings.AsSpan((HalvesInRun - 1) * width)); // the negative half is told nothing of it: zeros
        }

        var prompts = known.Prompts.Skip(half).Take(HalvesInRun).SelectMany(prompt => prompt);
        using var text = HostTensor.Of<float>([.. prompts], HalvesInRun, known.Prompts[half].Length / width, width);
        using var meaning = HostTensor.Of(meanings, HalvesInRun, width);
        using var latents = HostTensor.Of(PictureLatents.WithPositions(known.Picture, shape), HalvesInRun, shape.Channels, shape.Frames, shape.Height, shape.Width);
        using var rate = HostTensor.Of<float>([.. Enumerable.Repeat((float)fps, HalvesInRun)], HalvesInRun);
        var inputs = new Dictionary<string, OrtValue>
        {
            ["encoder_hidden_states"] = text,
            ["image_embeddings"] = meaning,
            ["image_latents"] = latents,
            ["fps"] = rate,
        };
        var values = network.Run(shape.Sizes(), inputs, [.. Names.Select(name => (name, name == Features && !windows.IsWhole ? Place.Host : Place.Device))], ct);
        parts.Add(new Part(values[0], values[1], windows.IsWhole ? [values[2]] : Cut(values[2], shape, windows)));
    }

    private static List<OrtValue> Cut(OrtValue film, FilmShape shape, TemporalWindows windows)
    {
        using (film)
        {
            return film.GetTensorTypeAndShape().ElementDataType switch
            {
                TensorElementType.Float16 => Cut<Half>(film, shape, windows),
                TensorElementType.BFloat16 => Cut<BFloat16>(film, shape, windows),
                _ => Cut<float>(film, shape, windows),
            };
        }
    }

    private static List<OrtValue> Cut<T>(OrtValue film, FilmShape shape, TemporalWindows windows)
        where T : unmanaged
    {
        var whole = film.GetTensorDataAsSpan<T>();
        var cut = new List<OrtValue>();
        for (var window = 0; window < windows.Firsts.Count; window++)
        {
            var values = new T[shape.Halves * shape.Channels * windows.Length * shape.Plane];
            windows.Cut(whole, window, shape.Plane, values);
            cut.Add(HostTensor.Of(values, shape.Halves, shape.Channels, windows.Length, shape.Height, shape.Width));
        }

        return cut;
    }

    /// <summary>The values for one run.</summary>
    /// <param name="Context">[halves, tokens, context width].</param>
    /// <param name="Rate">[halves, embedding width] of the frames per second.</param>
    /// <param name="Features">[halves, channels, frames, height, width] for each window.</param>
    private sealed record Part(OrtValue Context, OrtValue Rate, IReadOnlyList<OrtValue> Features);
}
