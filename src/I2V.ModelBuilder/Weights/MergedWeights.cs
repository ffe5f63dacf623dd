namespace I2V.ModelBuilder.Weights;

/// <summary>Weights with LoRAs merged in, in fp32, when they are read.</summary>
public sealed class MergedWeights : IWeightSource
{
    private readonly IWeightSource weights;
    private readonly ILookup<string, (LoraPair Pair, double Scale)> changes;

    private MergedWeights(IWeightSource weights, IEnumerable<(LoraPair Pair, double Scale)> changes) =>
        (this.weights, this.changes) = (weights, changes.ToLookup(change => change.Pair.Key, StringComparer.Ordinal));

    public IReadOnlyDictionary<string, long[]>? Tensors => weights.Tensors;

    /// <summary>Merges LoRAs into the components of a checkpoint, in their order.</summary>
    /// <param name="sources">Weights by component, such as <c>unet</c> and <c>text_encoder</c>.</param>
    /// <param name="shapes">Key → shape of what the networks read, by component: what a source that makes its weights is taken to have.</param>
    /// <param name="loras">Files, which must stay open while weights are read, and how strongly each counts (any finite number).</param>
    /// <exception cref="WeightsException">A key of a file matches no weight of any component, or its shape is wrong.</exception>
    public static IReadOnlyDictionary<string, IWeightSource> Apply(
        IReadOnlyDictionary<string, IWeightSource> sources,
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, long[]>> shapes,
        IReadOnlyList<(LoraFile File, double Scale)> loras)
    {
        var known = sources.ToDictionary(source => source.Key, source => new KnownKeys(source.Value.Tensors ?? shapes[source.Key]), StringComparer.Ordinal);
        var changes = loras.SelectMany(lora => lora.File.Match(known).Select(pair => (pair, lora.Scale))).ToLookup(change => change.pair.Component, StringComparer.Ordinal);
        return sources.ToDictionary(
            source => source.Key,
            source => changes.Contains(source.Key) ? new MergedWeights(source.Value, changes[source.Key]) : source.Value,
            StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    /// <exception cref="WeightsException">As the weights themselves, or a LoRA's part does not hold floats.</exception>
    public void Read(string key, ReadOnlySpan<long> shape, Span<float> into)
    {
        weights.Read(key, shape, into);
        foreach (var (pair, scale) in changes[key])
        {
            pair.AddTo(into, scale);
        }
    }
}
