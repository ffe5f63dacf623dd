using System.Globalization;
using I2V.Inference.Models;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Packages;

/// <summary>
/// A network that becomes <c>NAME.onnx</c> and <c>NAME.weights</c>, its units <c>NAME.NN-UNIT.onnx</c> over the same
/// weights, and its variants <c>NAME.VARIANT.onnx</c>. All lie side by side: the runtime refuses weights above a graph's folder.
/// </summary>
public sealed record PlannedComponent
{
    /// <param name="network">The graphs, and where their weights come from.</param>
    /// <param name="target">What they are written for.</param>
    /// <param name="weightsIdentity">Changes whenever other weights would be read; part of what decides whether a finished component may stay.</param>
    /// <exception cref="InvalidOperationException">A variant shall share the weights file, but would lay it out otherwise.</exception>
    public PlannedComponent(BuiltNetwork network, Target target, string weightsIdentity)
    {
        (Network, Target, WeightsIdentity) = (network, target, weightsIdentity);
        Base = new PlannedGraph(network.Name, network.Graph, network.Name, hasUnits: true);
        Variants = network.Variants.ToDictionary(variant => variant.Key, variant => variant.Value.OwnWeights
            ? new PlannedGraph($"{network.Name}.{variant.Key}", variant.Value.Graph, $"{network.Name}.{variant.Key}", hasUnits: true)
            : new PlannedGraph($"{network.Name}.{variant.Key}", variant.Value.Graph, network.Name, hasUnits: false));
        foreach (var (name, variant) in Variants.Where(variant => !variant.Value.WritesWeights && !variant.Value.Layout.IsSameAs(Base.Layout)))
        {
            throw new InvalidOperationException($"The variant {name} of {network.Name} cannot share {Base.WeightsFile}: its {variant.Layout.Places.Count} weights lie elsewhere than the network's {Base.Layout.Places.Count}.");
        }
    }

    public BuiltNetwork Network { get; }

    public Target Target { get; }

    public string WeightsIdentity { get; }

    public PlannedGraph Base { get; }

    public IReadOnlyDictionary<string, PlannedGraph> Variants { get; }

    /// <summary>The base and the variants.</summary>
    public IEnumerable<PlannedGraph> Graphs => [Base, .. Variants.Values];

    /// <summary>Bytes of all its weights files.</summary>
    public long WeightBytes => Graphs.Where(graph => graph.WritesWeights).Sum(graph => graph.WeightBytes);

    /// <summary>As the manifest lists it.</summary>
    internal ModelComponent Described => new(Base.GraphFile, Target.ToString().ToLowerInvariant(), Base.WeightBytes)
    {
        Inputs = Base.Graph.Described,
        Units = Base.DescribedUnits,
        MaxVoxels = Base.Graph.MaxVoxels,
        Variants = Variants.Count == 0 ? null : Variants.ToDictionary(
            variant => variant.Key,
            variant => new ComponentVariant(variant.Value.GraphFile, variant.Value.WeightBytes)
            {
                Inputs = variant.Value.Graph.Described,
                Units = variant.Value.DescribedUnits,
                MaxVoxels = variant.Value.Graph.MaxVoxels,
            }),
    };
}

/// <summary>A graph and its units, over one weights file.</summary>
public sealed record PlannedGraph
{
    private readonly string stem;

    /// <param name="stem">Of the names of its files.</param>
    /// <param name="graph">The whole graph.</param>
    /// <param name="weightsStem">Of the weights file's name; another graph writes it when it is not <paramref name="stem"/>.</param>
    /// <param name="hasUnits">Whether units are written where the graph has any.</param>
    internal PlannedGraph(string stem, Graph graph, string weightsStem, bool hasUnits)
    {
        (this.stem, Graph, WritesWeights) = (stem, graph, weightsStem == stem);
        Layout = new WeightsLayout(graph, $"{weightsStem}.weights");
        Units = hasUnits ? GraphUnits.CutAndJoin(graph) : [];
    }

    public Graph Graph { get; }

    /// <summary>In the order in which they run; none where the graph is not cut.</summary>
    public IReadOnlyList<GraphUnit> Units { get; }

    public bool WritesWeights { get; }

    public string GraphFile => $"{stem}.onnx";

    public string WeightsFile => Layout.Name;

    public long WeightBytes => Layout.Length;

    internal WeightsLayout Layout { get; }

    internal IReadOnlyList<ComponentUnit>? DescribedUnits => Units.Count == 0 ? null : [.. Units.Select((unit, index) =>
        new ComponentUnit(unit.Name, UnitFile(index), unit.WeightBytes) { Inputs = unit.Graph.Described, Outputs = unit.Outputs })];

    /// <summary>Name → content of every graph file.</summary>
    internal IEnumerable<(string Name, byte[] Content)> Files() =>
    [
        (GraphFile, OnnxFile.ToBytes(Graph, Layout)),
        .. Units.Select((unit, index) => (UnitFile(index), OnnxFile.ToBytes(unit.Graph, Layout))),
    ];

    private string UnitFile(int index) => string.Create(CultureInfo.InvariantCulture, $"{stem}.{index:00}-{Units[index].Name}.onnx");
}
