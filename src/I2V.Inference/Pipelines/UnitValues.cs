using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>The tensors of one run: those that the caller gave, and those that units made and nobody has taken yet.</summary>
internal sealed class UnitValues(IReadOnlyDictionary<string, OrtValue> given) : IDisposable
{
    private readonly Dictionary<string, OrtValue> made = [];

    public OrtValue this[string name] => made.TryGetValue(name, out var value) ? value : given[name];

    /// <summary>Takes a unit's outputs over.</summary>
    public void Add(IEnumerable<string> names, IReadOnlyList<OrtValue> values)
    {
        foreach (var (name, value) in names.Zip(values))
        {
            made.Add(name, value);
        }
    }

    public void Release(string name)
    {
        if (made.Remove(name, out var value))
        {
            value.Dispose();
        }
    }

    /// <summary>Hands outputs to the caller, in the order asked for.</summary>
    public IReadOnlyList<OrtValue> Take(IEnumerable<string> names)
    {
        var taken = new List<OrtValue>();
        foreach (var name in names)
        {
            made.Remove(name, out var value);
            taken.Add(value!);
        }

        return taken;
    }

    public void Dispose()
    {
        foreach (var value in made.Values)
        {
            value.Dispose();
        }

        made.Clear();
    }
}
