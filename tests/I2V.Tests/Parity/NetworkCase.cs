using System.Text.Json;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Parity;

/// <summary>A network of the reference on inputs that follow from names: <c>cases.py</c>.</summary>
/// <param name="Name">Of the case and of the file with its outputs.</param>
/// <param name="Component">Of the package.</param>
/// <param name="Inputs">By the reference's names.</param>
/// <param name="Outputs">Name → shape.</param>
/// <param name="Sensitivity">What is replaced → how far that moves the output, or each of the outputs by name.</param>
internal sealed record NetworkCase(
    string Name,
    string Component,
    IReadOnlyDictionary<string, NetworkInput> Inputs,
    IReadOnlyDictionary<string, long[]> Outputs,
    IReadOnlyDictionary<string, JsonElement> Sensitivity)
{
    private static readonly string[] Conditions = ["context", "image_features", "fps_embedding"];

    public static IReadOnlyDictionary<string, NetworkCase> All { get; } = Fixtures.Record.EnumerateObject()
        .Where(entry => entry.Name.StartsWith("network ", StringComparison.Ordinal))
        .Select(entry => Fixtures.Read<NetworkCase>(entry.Value))
        .ToDictionary(entry => entry.Name);

    /// <summary>How far an output moves when one input is replaced, by the reference's word.</summary>
    public double Moved(string what, string output) =>
        Sensitivity[what].ValueKind == JsonValueKind.Object ? Sensitivity[what].GetProperty(output).GetDouble() : Sensitivity[what].GetDouble();

    /// <summary>Runs our networks on the case's inputs.</summary>
    /// <param name="network">Component → network.</param>
    /// <param name="replaced">The input that another one takes the place of, by the names of <see cref="Sensitivity"/>; null for none.</param>
    /// <returns>Output → numbers.</returns>
    public IReadOnlyDictionary<string, float[]> Run(Func<string, Network> network, string? replaced = null)
    {
        using var given = new Tensors(Inputs.ToDictionary(input => input.Key, input => input.Value.Tensor(input.Key, replaced)));
        if (Component != "unet")
        {
            return Run(network(Component), given.Values, [.. Outputs.Keys]);
        }

        string[] once = ["encoder_hidden_states", "image_embeddings", "image_latents", "fps"];
        var made = network("conditioning").Run(
            Sizes(), once.ToDictionary(name => name, name => given.Values[name]), [.. Conditions.Select(name => (name, Place.Host))], TestContext.Current.CancellationToken);
        using var conditions = new Tensors(Conditions.Zip(made).ToDictionary(pair => pair.First, pair => pair.Second));
        var inputs = new Dictionary<string, OrtValue>(conditions.Values) { ["sample"] = given.Values["sample"], ["timestep"] = given.Values["timestep"] };
        var outputs = new Dictionary<string, float[]>(Run(network("unet"), inputs, ["noise_pred"]));
        foreach (var (name, value) in conditions.Values)
        {
            outputs[name] = Floats(value);
        }

        return outputs;
    }

    private Dictionary<string, float[]> Run(Network network, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<string> outputs)
    {
        var made = network.Run(Sizes(), inputs, [.. outputs.Select(name => (name, Place.Host))], TestContext.Current.CancellationToken);
        using var values = new Tensors(outputs.Zip(made).ToDictionary(pair => pair.First, pair => pair.Second));
        return values.Values.ToDictionary(
            value => value.Key,
            value => value.Value.GetTensorTypeAndShape().Shape.SequenceEqual(Outputs[value.Key])
                ? Floats(value.Value)
                : throw new InvalidDataException($"{value.Key} has another shape than the reference's."));
    }

    /// <summary>What the formulas are about: sizes of latents.</summary>
    private Dictionary<string, long> Sizes()
    {
        var shape = Inputs.Values.First().Shape ?? [Inputs.Values.First().Values!.Value.GetArrayLength()];
        var (h, w) = shape.Length < 3 ? (1, 1) : Component == "vae_encoder" ? (shape[^2] / 8, shape[^1] / 8) : (shape[^2], shape[^1]);
        return new Dictionary<string, long> { ["b"] = shape[0], ["f"] = Component == "unet" ? shape[2] : 1, ["h"] = h, ["w"] = w };
    }

    /// <summary>Opaque values between networks are of the package's precision.</summary>
    private static float[] Floats(OrtValue value) => value.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float16
        ? Array.ConvertAll(value.GetTensorDataAsSpan<Half>().ToArray(), number => (float)number)
        : value.GetTensorDataAsSpan<float>().ToArray();

    private sealed class Tensors(IReadOnlyDictionary<string, OrtValue> values) : IDisposable
    {
        public IReadOnlyDictionary<string, OrtValue> Values => values;

        public void Dispose() => values.Values.ToList().ForEach(value => value.Dispose());
    }
}

/// <param name="Stream">The stream that it is made of, of <paramref name="Shape"/>.</param>
/// <param name="Shape">Outermost first; null when <paramref name="Values"/> says it.</param>
/// <param name="Values">Whole numbers, for inputs without a stream.</param>
internal sealed record NetworkInput(string? Stream, long[]? Shape, JsonElement? Values)
{
    /// <param name="name">The input's.</param>
    /// <param name="replaced">What is replaced: this input, or a part of it.</param>
    public OrtValue Tensor(string name, string? replaced)
    {
        if (Stream is not null)
        {
            return OrtValue.CreateTensorValueFromMemory(Numbers(name, replaced), Shape!);
        }

        var values = Flat(Values!.Value).ToArray();
        if (name == "input_ids")
        {
            return OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, id => name == replaced ? (id + 1000) % 49406 : id), [values.Length / 77, 77]);
        }

        Func<long, long> other = name == "fps" ? fps => fps / 2 : timestep => (timestep + 500) % 1000;
        return OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, value => (float)(name == replaced ? other(value) : value)), [values.Length]);
    }

    private float[] Numbers(string name, string? replaced)
    {
        var count = Shape!.Aggregate(1L, (product, side) => product * side);
        var numbers = Streams.Uniform(Stream!, count);
        if (name == replaced)
        {
            return Streams.Uniform($"{Stream}:other", count);
        }

        if (name == "image_latents" && replaced is "first_frame_latents" or "later_frame_latents")
        {
            var other = Streams.Uniform($"{Stream}:other", count);
            var (plane, frames) = (Shape![3] * Shape[4], Shape[2]);
            for (var i = 0; i < numbers.Length; i++)
            {
                var isFirst = i / plane % frames == 0;
                numbers[i] = isFirst == (replaced == "first_frame_latents") ? other[i] : numbers[i];
            }
        }

        return numbers;
    }

    private static IEnumerable<long> Flat(JsonElement values) =>
        values.ValueKind == JsonValueKind.Array ? values.EnumerateArray().SelectMany(Flat) : [values.GetInt64()];
}
