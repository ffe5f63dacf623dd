using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>What does not depend on the step, computed once; it stays on the device until it is disposed.</summary>
internal sealed class I2VGenXlConditions : IDisposable
{
    private static readonly string[] Names = ["context", "image_features", "fps_embedding"];

    private readonly IReadOnlyList<OrtValue> values;

    private I2VGenXlConditions(IReadOnlyList<OrtValue> values) => this.values = values;

    /// <param name="network">The conditioning network.</param>
    /// <param name="shape">Of the film.</param>
    /// <param name="prompts">[halves, tokens, context width]: the negative prompt first.</param>
    /// <param name="meaning">[context width] of the picture; the negative half gets zeros.</param>
    /// <param name="pictureLatents">[halves, channels, frames, height, width].</param>
    /// <param name="fps">Frames per second.</param>
    /// <param name="ct">Ends the run.</param>
    public static I2VGenXlConditions Make(
        Network network, FilmShape shape, float[][] prompts, float[] meaning, float[] pictureLatents, int fps, CancellationToken ct)
    {
        var (halves, width) = (shape.Halves, meaning.Length);
        var meanings = new float[halves * width];
        meaning.CopyTo(meanings.AsSpan((halves - 1) * width));
        using var text = HostTensor.Of<float>([.. prompts.SelectMany(prompt => prompt)], halves, prompts[0].Length / width, width);
        using var picture = HostTensor.Of(meanings, halves, width);
        using var latents = HostTensor.Of(pictureLatents, halves, shape.Channels, shape.Frames, shape.Height, shape.Width);
        using var rate = HostTensor.Of<float>([.. Enumerable.Repeat((float)fps, halves)], halves);
        var inputs = new Dictionary<string, OrtValue>
        {
            ["encoder_hidden_states"] = text,
            ["image_embeddings"] = picture,
            ["image_latents"] = latents,
            ["fps"] = rate,
        };
        return new I2VGenXlConditions(network.Run(shape.Sizes(), inputs, [.. Names.Select(name => (name, Place.Device))], ct));
    }

    /// <summary>Adds the values to a network's inputs.</summary>
    public void AddTo(Dictionary<string, OrtValue> inputs)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            inputs[Names[i]] = values[i];
        }
    }

    public void Dispose()
    {
        foreach (var value in values)
        {
            value.Dispose();
        }
    }
}
