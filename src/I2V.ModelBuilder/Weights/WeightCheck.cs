namespace I2V.ModelBuilder.Weights;

/// <summary>What the networks read from one folder of a checkpoint, and what is there.</summary>
/// <param name="Source">The folder's name, such as <c>vae</c>.</param>
/// <param name="Expected">Key → shape of everything that is read.</param>
/// <param name="Weights">What is there.</param>
/// <param name="MayBeUnused">True for keys that may be there without being read.</param>
public sealed record ExpectedWeights(
    string Source,
    IReadOnlyDictionary<string, long[]> Expected,
    IWeightSource Weights,
    Func<string, bool> MayBeUnused);

/// <summary>Compares a checkpoint with what its networks need before anything is built from it.</summary>
public static class WeightCheck
{
    private const int MaxListed = 20;

    /// <exception cref="WeightsException">Tensors are missing, unexpected or of the wrong shape: one error with the count and the first twenty of each.</exception>
    public static void Verify(IEnumerable<ExpectedWeights> sources)
    {
        List<string> missing = [], unexpected = [], misshapen = [];
        foreach (var source in sources)
        {
            if (source.Weights.Tensors is { } there)
            {
                Compare(source, there, missing, unexpected, misshapen);
            }
        }

        string[] problems = [Text("missing", missing), Text("unexpected", unexpected), Text("wrongly shaped", misshapen)];
        if (missing.Count + unexpected.Count + misshapen.Count > 0)
        {
            throw new WeightsException($"The checkpoint's tensors are not those of this model: {string.Join("; ", problems.Where(problem => problem.Length > 0))}.");
        }
    }

    private static void Compare(ExpectedWeights source, IReadOnlyDictionary<string, long[]> there, List<string> missing, List<string> unexpected, List<string> misshapen)
    {
        foreach (var (key, shape) in source.Expected)
        {
            if (!there.TryGetValue(key, out var found))
            {
                missing.Add($"{source.Source}/{key} {TensorShape.Text(shape)}");
            }
            else if (!found.AsSpan().SequenceEqual(shape))
            {
                misshapen.Add($"{source.Source}/{key} {TensorShape.Text(found)} instead of {TensorShape.Text(shape)}");
            }
        }

        unexpected.AddRange(there
            .Where(tensor => !source.Expected.ContainsKey(tensor.Key) && !source.MayBeUnused(tensor.Key))
            .Select(tensor => $"{source.Source}/{tensor.Key} {TensorShape.Text(tensor.Value)}"));
    }

    private static string Text(string what, List<string> tensors)
    {
        var more = tensors.Count > MaxListed ? $" and {tensors.Count - MaxListed} more" : "";
        return tensors.Count == 0 ? "" : $"{tensors.Count} {what} ({string.Join(", ", tensors.Order(StringComparer.Ordinal).Take(MaxListed))}{more})";
    }
}
