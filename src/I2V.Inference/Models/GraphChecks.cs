namespace I2V.Inference.Models;

/// <summary>
/// What is wrong with the graphs that a manifest names, those of variants and units included: files that are not listed or
/// are no ONNX models, weights outside of the package's files, units that read what nobody gives.
/// </summary>
internal static class GraphChecks
{
    /// <returns>One clause for each thing that is wrong.</returns>
    public static IEnumerable<string> Run(string folder, ModelManifest manifest) => manifest.Components
        .OrderBy(component => component.Key, StringComparer.Ordinal)
        .SelectMany(component => Component(folder, manifest, $"components.{component.Key}", component.Value));

    private static IEnumerable<string> Component(string folder, ModelManifest manifest, string at, ModelComponent component) =>
    [
        .. Graph(folder, manifest, at, component.Graph, component.WeightBytes),
        .. Units(folder, manifest, at, component.Inputs, component.Units),
        .. (component.Variants ?? new Dictionary<string, ComponentVariant>())
            .OrderBy(variant => variant.Key, StringComparer.Ordinal)
            .SelectMany(variant => Variant(folder, manifest, $"{at}.variants.{variant.Key}", variant.Value)),
    ];

    private static IEnumerable<string> Variant(string folder, ModelManifest manifest, string at, ComponentVariant variant) =>
        [.. Graph(folder, manifest, at, variant.Graph, variant.WeightBytes), .. Units(folder, manifest, at, variant.Inputs, variant.Units)];

    private static IEnumerable<string> Units(
        string folder, ModelManifest manifest, string at, IReadOnlyList<GraphInput>? inputs, IReadOnlyList<ComponentUnit>? units)
    {
        if (units is null)
        {
            yield break;
        }

        if (units.Count == 0 || inputs is null)
        {
            yield return $"{at}.units needs a unit, and {at}.inputs, of which the units take theirs";
            yield break;
        }

        var known = inputs.Select(input => input.Name).ToHashSet();
        for (var i = 0; i < units.Count; i++)
        {
            foreach (var problem in Unit($"{at}.units[{i}]", units[i], known).Concat(Graph(folder, manifest, $"{at}.units[{i}]", units[i].Graph, units[i].WeightBytes)))
            {
                yield return problem;
            }
        }
    }

    /// <param name="known">Inputs of the network and outputs of earlier units; this one's come to them.</param>
    private static IEnumerable<string> Unit(string at, ComponentUnit unit, HashSet<string> known)
    {
        foreach (var input in unit.Inputs.Where(input => input.Kind == "tensor" && !known.Contains(input.Name)))
        {
            yield return $"{at} reads {input.Name}, which is no input of the network and no output of an earlier unit";
        }

        if (unit.Outputs.Count == 0)
        {
            yield return $"{at} has no output";
        }

        foreach (var output in unit.Outputs.Where(output => !known.Add(output)))
        {
            yield return $"{at} gives {output}, which the network or an earlier unit has already";
        }
    }

    private static List<string> Graph(string folder, ModelManifest manifest, string at, string graph, long weightBytes)
    {
        if (weightBytes < 0)
        {
            return [$"{at}.weight_bytes is {weightBytes}, but must not be negative"];
        }

        if (!manifest.Files.ContainsKey(graph))
        {
            return [$"{at}.graph is {graph}, which files does not list"];
        }

        var full = Path.Combine(folder, graph);
        if (PackageChecks.Escape(folder, graph) is not null || !File.Exists(full))
        {
            return []; // already said
        }

        try
        {
            return [.. OnnxExternalData.Read(File.ReadAllBytes(full))
                .GroupBy(part => part.Location, StringComparer.Ordinal)
                .SelectMany(parts => Location(folder, manifest, graph, parts.Key, [.. parts]))];
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return [$"{graph} cannot be read as an ONNX model: {error.Message.TrimEnd('.')}"];
        }
    }

    private static IEnumerable<string> Location(
        string folder, ModelManifest manifest, string graph, string location, IReadOnlyList<ExternalPart> parts)
    {
        if (PackageChecks.Escape(folder, location) is { } escape)
        {
            yield return $"{graph} takes weights from {location}, which {escape}";
            yield break;
        }

        var full = Path.Combine(folder, Path.GetDirectoryName(graph) ?? "", location);
        var path = Path.GetRelativePath(folder, full).Replace('\\', '/');
        if (!manifest.Files.ContainsKey(path))
        {
            yield return $"{graph} takes weights from {path}, which files does not list";
            yield break;
        }

        var bytes = File.Exists(full) ? new FileInfo(full).Length : long.MaxValue; // that it is missing is said already
        if (parts.FirstOrDefault(part => part.Offset > (ulong)bytes || part.Length > (ulong)bytes - part.Offset) is { } outside)
        {
            yield return $"{graph} takes the weight {outside.Tensor} from bytes {outside.Offset} to {(UInt128)outside.Offset + outside.Length} of {path}, which has {bytes}";
        }
    }
}
