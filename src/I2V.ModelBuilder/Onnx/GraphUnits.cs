namespace I2V.ModelBuilder.Onnx;

/// <summary>A part of a graph as a graph of its own.</summary>
/// <param name="Name">As <see cref="Graph.BeginUnit"/> was given it.</param>
/// <param name="Graph">
/// Takes inputs of the whole graph and values of earlier units, and gives values that later units or the caller use, all
/// under the names that they have in the whole graph. Values between units are of unknown rank.
/// </param>
public sealed record GraphUnit(string Name, Graph Graph)
{
    /// <summary>Bytes of the weights that it reads.</summary>
    public long WeightBytes { get; } = Graph.Initializers.Where(initializer => initializer.Read is not null)
        .Sum(initializer => Initializer.LengthOf(initializer.Value, initializer.Shape));

    /// <summary>Names of its outputs.</summary>
    public IReadOnlyList<string> Outputs => [.. Graph.Outputs.Select(output => output.Value.Name)];
}

/// <summary>Cuts a graph into units that run one after the other: a device then needs the weights of two of them at a time.</summary>
public static class GraphUnits
{
    /// <summary>
    /// One graph for each <see cref="Graph.BeginUnit"/>, in the order in which they run. They hold the whole graph's own
    /// operators, constants and weights, so that the weights' places in the whole graph's file are theirs as well.
    /// </summary>
    /// <returns>None for a graph without units.</returns>
    /// <exception cref="NotSupportedException">An operator has a body, which could use values of any unit.</exception>
    public static IReadOnlyList<GraphUnit> Cut(Graph graph)
    {
        if (graph.UnitStarts.Count > 0 && graph.Nodes.Find(node => Array.Exists(node.Attributes, attribute => attribute.IsGraph)) is { } nested)
        {
            throw new NotSupportedException($"The graph {graph.Name} cannot be cut into units: its operator {nested.OpType} has a body.");
        }

        var lastUse = LastUses(graph);
        return [.. graph.UnitStarts.Select((unit, index) => Unit(graph, unit.Name, index, index, lastUse))];
    }

    /// <summary>
    /// As <see cref="Cut"/>, but with neighbours in one unit as long as they are together no larger than the largest: the
    /// device needs no more for the weights of two, and each unit is a session, whose libraries hold megabytes for it.
    /// </summary>
    /// <returns>None for a graph without units. One that was joined is called <c>first..last</c>.</returns>
    /// <exception cref="NotSupportedException">An operator has a body, which could use values of any unit.</exception>
    public static IReadOnlyList<GraphUnit> CutAndJoin(Graph graph)
    {
        var cut = Cut(graph);
        var most = cut.Select(unit => unit.WeightBytes).DefaultIfEmpty().Max();
        var lastUse = LastUses(graph);
        var joined = new List<GraphUnit>();
        for (var first = 0; first < cut.Count;)
        {
            var (last, bytes) = (first, cut[first].WeightBytes);
            while (last + 1 < cut.Count && bytes + cut[last + 1].WeightBytes <= most)
            {
                bytes += cut[++last].WeightBytes;
            }

            joined.Add(first == last ? cut[first] : Unit(graph, $"{cut[first].Name}..{cut[last].Name}", first, last, lastUse));
            first = last + 1;
        }

        return joined;
    }

    /// <summary>From one of <see cref="Graph.UnitStarts"/> to the end of another.</summary>
    private static GraphUnit Unit(Graph graph, string name, int first, int last, Dictionary<string, int> lastUse)
    {
        var end = last + 1 < graph.UnitStarts.Count ? graph.UnitStarts[last + 1].FirstNode : graph.Nodes.Count;
        return new GraphUnit(name, Part(graph, name, graph.UnitStarts[first].FirstNode, end, lastUse));
    }

    /// <summary>Name of a value → the last operator that reads it; a place after all of them where the caller does.</summary>
    private static Dictionary<string, int> LastUses(Graph graph)
    {
        var uses = new Dictionary<string, int>();
        for (var i = 0; i < graph.Nodes.Count; i++)
        {
            Array.ForEach(graph.Nodes[i].Inputs, input => uses[input.Name] = i);
        }

        graph.Outputs.ForEach(output => uses[output.Value.Name] = int.MaxValue);
        return uses;
    }

    private static Graph Part(Graph whole, string name, int first, int end, Dictionary<string, int> lastUse)
    {
        var part = new Graph($"{whole.Name}.{name}") { Opset = whole.Opset };
        part.Nodes.AddRange(whole.Nodes.GetRange(first, end - first));
        var made = part.Nodes.SelectMany(node => node.Outputs).Where(value => value.Name.Length > 0).ToList();
        var used = part.Nodes.SelectMany(node => node.Inputs).Where(value => value.Name.Length > 0).DistinctBy(value => value.Name).ToList();
        var names = used.Select(value => value.Name).ToHashSet();

        // What the whole graph is given, in its order; then what earlier units made.
        part.Initializers.AddRange(whole.Initializers.Where(initializer => names.Contains(initializer.Value.Name)));
        foreach (var (value, shape) in whole.Inputs.Where(input => names.Contains(input.Value.Name)))
        {
            part.InputOf(whole, value, shape);
        }

        names.ExceptWith(made.Select(value => value.Name));
        names.ExceptWith(part.Initializers.Select(initializer => initializer.Value.Name));
        names.ExceptWith(part.Inputs.Select(input => input.Value.Name));
        part.Inputs.AddRange(used.Where(value => names.Contains(value.Name)).Select(value => (value, (Dim[]?)null)));

        part.Outputs.AddRange(made.Where(value => lastUse.GetValueOrDefault(value.Name, -1) >= end).Select(value => (value, ShapeOf(whole, value))));
        return part;
    }

    private static Dim[]? ShapeOf(Graph whole, Value value) => whole.Outputs.Find(output => output.Value.Name == value.Name).Shape;
}
