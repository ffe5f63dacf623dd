using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.ModelBuilder.Architectures;

/// <summary>A network of a package, run by its manifest: in one session, or unit by unit.</summary>
internal sealed class UnitRunner : IDisposable
{
    private readonly List<(IReadOnlyList<string> Outputs, InferenceSession Session, DerivedInputs Derived, IReadOnlyList<string> Tensors)> parts = [];

    /// <param name="options">Made for each session; null for the runtime's own.</param>
    public UnitRunner(ModelPackage package, IReadOnlyList<ComponentUnit> units, Func<SessionOptions>? options = null)
    {
        foreach (var unit in units)
        {
            Add(package.GraphPath(unit), unit.Inputs, unit.Outputs, options);
        }
    }

    public UnitRunner(string graph, IReadOnlyList<GraphInput> inputs, IReadOnlyList<string> outputs, Func<SessionOptions>? options = null) => Add(graph, inputs, outputs, options);

    public float[] Run(IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, string output)
    {
        var known = inputs.ToDictionary();
        var made = new List<OrtValue>();
        try
        {
            foreach (var part in parts)
            {
                var given = part.Tensors.ToDictionary(name => name, name => known[name]);
                foreach (var (name, value) in part.Derived.For(sizes))
                {
                    given[name] = value;
                }

                Assert.Equal(part.Session.InputNames.Order(StringComparer.Ordinal), given.Keys.Order(StringComparer.Ordinal));
                var values = part.Session.Run(null, given, [.. part.Outputs], TestContext.Current.CancellationToken);
                made.AddRange(values);
                foreach (var (name, value) in part.Outputs.Zip(values))
                {
                    known[name] = value;
                }
            }

            return known[output].GetTensorDataAsSpan<float>().ToArray();
        }
        finally
        {
            made.ForEach(value => value.Dispose());
        }
    }

    public void Dispose()
    {
        foreach (var part in parts)
        {
            part.Session.Dispose();
            part.Derived.Dispose();
        }
    }

    /// <summary>What the tiny denoiser is given, drawn from a seed.</summary>
    public static Dictionary<string, OrtValue> Inputs(int b, int f, int h, int w)
    {
        var random = new Random(5);
        return new Dictionary<string, OrtValue>
        {
            ["sample"] = Noise(random, b, 4, f, h, w),
            ["timestep"] = OrtValue.CreateTensorValueFromMemory([501f], [1]),
            ["context"] = Noise(random, b, 145, 64),
            ["image_features"] = Noise(random, b, 4, f, h, w),
            ["fps_embedding"] = Noise(random, b, 128),
        };
    }

    public static Dictionary<string, long> Sizes(int b, int f, int h, int w) => new() { ["b"] = b, ["f"] = f, ["h"] = h, ["w"] = w };

    private static OrtValue Noise(Random random, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((random.NextDouble() * 2) - 1);
        }

        return OrtValue.CreateTensorValueFromMemory(values, shape);
    }

    private void Add(string graph, IReadOnlyList<GraphInput> inputs, IReadOnlyList<string> outputs, Func<SessionOptions>? options)
    {
        using var chosen = options?.Invoke();
        parts.Add((outputs, new InferenceSession(graph, chosen), new DerivedInputs(inputs), [.. inputs.Where(input => input.Kind == "tensor").Select(input => input.Name)]));
    }
}
