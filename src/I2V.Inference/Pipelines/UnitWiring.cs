using I2V.Inference.Models;

namespace I2V.Inference.Pipelines;

/// <summary>Which tensors go from unit to unit, and how long each is needed.</summary>
internal sealed class UnitWiring
{
    private readonly Dictionary<string, int> makers = [];
    private readonly Dictionary<string, int> lastUses = [];
    private readonly Dictionary<string, GraphInput> derived = [];
    private readonly HashSet<string> given = [];
    private readonly IReadOnlyList<ComponentUnit> units;

    /// <param name="units">In the order in which they run.</param>
    /// <exception cref="FormatException">A tensor is made twice or after its use, or an input is described in two ways.</exception>
    public UnitWiring(IReadOnlyList<ComponentUnit> units)
    {
        this.units = units;
        for (var number = 0; number < units.Count; number++)
        {
            foreach (var input in units[number].Inputs)
            {
                Use(input, number);
            }

            foreach (var output in units[number].Outputs)
            {
                Make(output, number);
            }
        }
    }

    /// <summary>Tensors that the caller of the network gives.</summary>
    public IReadOnlySet<string> Given => given;

    /// <summary>Tensors that units make.</summary>
    public IReadOnlyCollection<string> Made => makers.Keys;

    /// <summary>Inputs that follow from the request's sizes, each once.</summary>
    public IReadOnlyCollection<GraphInput> Derived => derived.Values;

    /// <summary>What a unit makes that the caller or a later unit takes.</summary>
    public IEnumerable<string> WantedOf(int unit, IReadOnlySet<string> byCaller) =>
        units[unit].Outputs.Where(name => byCaller.Contains(name) || lastUses.GetValueOrDefault(name, -1) > unit);

    /// <summary>What units made that none after this one takes, and this one did take.</summary>
    public IEnumerable<string> EndingWith(int unit) =>
        units[unit].Inputs.Where(input => makers.ContainsKey(input.Name) && lastUses[input.Name] == unit).Select(input => input.Name).Distinct();

    private void Use(GraphInput input, int unit)
    {
        if (input.Kind != "tensor")
        {
            if (!derived.TryAdd(input.Name, input) && derived[input.Name] != input)
            {
                throw new FormatException($"the units describe the input {input.Name} in two ways: {derived[input.Name]} and {input}");
            }

            return;
        }

        lastUses[input.Name] = unit;
        if (!makers.ContainsKey(input.Name))
        {
            given.Add(input.Name);
        }
    }

    private void Make(string output, int unit)
    {
        if (given.Contains(output))
        {
            throw new FormatException($"the unit {units[unit].Name} makes {output}, which it or a unit before it takes already");
        }

        if (!makers.TryAdd(output, unit))
        {
            throw new FormatException($"the units {units[makers[output]].Name} and {units[unit].Name} both make {output}");
        }
    }
}
