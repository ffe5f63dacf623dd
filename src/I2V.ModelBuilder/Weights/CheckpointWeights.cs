namespace I2V.ModelBuilder.Weights;

/// <summary>The weights of one component's folder: one file or shards, safetensors or torch archives, mapped into memory.</summary>
public sealed class CheckpointWeights : IWeightSource, IDisposable
{
    private readonly string name;
    private readonly List<TensorFile> files = [];
    private readonly Dictionary<string, TensorFile> places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long[]> shapes = new(StringComparer.Ordinal);

    private CheckpointWeights(string name) => this.name = name;

    /// <summary>Every tensor of the files, also those that are not floats and cannot be read.</summary>
    public IReadOnlyDictionary<string, long[]> Tensors => shapes;

    /// <summary>Opens the best file of a folder such as <c>unet</c>: safetensors, then torch archives; full precision, then half.</summary>
    /// <exception cref="WeightsException">No weights are there, or a file is not what it should be.</exception>
    public static CheckpointWeights OpenFolder(string folder) => OpenFile(CheckpointFiles.Find(folder));

    /// <summary>Opens a <c>.safetensors</c> file, a torch archive, or the <c>.json</c> index of shards.</summary>
    /// <exception cref="WeightsException">A file is missing or not what it should be.</exception>
    public static CheckpointWeights OpenFile(string path)
    {
        var weights = new CheckpointWeights(path);
        try
        {
            if (Path.GetExtension(path) == ".json")
            {
                weights.AddShards(path);
            }
            else
            {
                var file = weights.Open(path);
                foreach (var key in file.Tensors.Keys)
                {
                    weights.Add(key, file);
                }
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="WeightsException">There is no such tensor, its shape is another, or it does not hold floats.</exception>
    public void Read(string key, ReadOnlySpan<long> shape, Span<float> into)
    {
        if (!places.TryGetValue(key, out var file))
        {
            throw new WeightsException($"{name} has no tensor {key}.");
        }

        if (!shape.SequenceEqual(shapes[key]))
        {
            throw new WeightsException($"{key} in {file.Path} has the shape {TensorShape.Text(shapes[key])}, but should have {TensorShape.Text(shape)}.");
        }

        file.Read(key, into);
    }

    public void Dispose() => files.ForEach(file => file.Dispose());

    private void AddShards(string path)
    {
        foreach (var shard in CheckpointFiles.ReadIndex(path).GroupBy(entry => entry.Value, entry => entry.Key, StringComparer.Ordinal))
        {
            var file = Open(shard.Key);
            foreach (var key in shard)
            {
                if (!file.Tensors.ContainsKey(key))
                {
                    throw new WeightsException($"{shard.Key} has no tensor {key}, which {Path.GetFileName(path)} says it has.");
                }

                Add(key, file);
            }
        }
    }

    private TensorFile Open(string path)
    {
        var file = TensorFile.Open(path);
        files.Add(file);
        return file;
    }

    private void Add(string key, TensorFile file)
    {
        places.Add(key, file);
        shapes.Add(key, file.Tensors[key].Shape);
    }
}
