using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <summary>A tensor of a checkpoint's file.</summary>
/// <param name="Type">Float, Float16 or BFloat16; Unknown when it is of another type and cannot be read as weights.</param>
/// <param name="TypeName">As the file calls it.</param>
/// <param name="Shape">Outermost first.</param>
internal abstract record StoredTensor(TensorElementType Type, string TypeName, long[] Shape);

/// <summary>A file of named tensors.</summary>
internal abstract class TensorFile(MappedFile file) : IDisposable
{
    public string Path => File.Path;

    /// <summary>By key, in the order of the file.</summary>
    public abstract IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    protected MappedFile File { get; } = file;

    /// <exception cref="WeightsException">It is not a safetensors file or torch archive, or one that lies about itself.</exception>
    public static TensorFile Open(string path) =>
        System.IO.Path.GetExtension(path) is ".safetensors" ? SafetensorsFile.Open(path) : TorchArchive.Open(path);

    /// <summary>Reads a tensor as fp32, row-major. Safe to call from several threads.</summary>
    /// <param name="into">As many elements as its shape says.</param>
    /// <exception cref="WeightsException">There is none of that name, or it does not hold floats.</exception>
    public void Read(string key, Span<float> into)
    {
        if (!Tensors.TryGetValue(key, out var tensor))
        {
            throw new WeightsException($"{Path} has no tensor {key}.");
        }

        if (tensor.Type == TensorElementType.Unknown)
        {
            throw new WeightsException($"{key} in {Path} is of type {tensor.TypeName}: weights are read from F32, F16 and BF16.");
        }

        if (TensorShape.Count(tensor.Shape) != into.Length)
        {
            throw new WeightsException($"{key} in {Path} has the shape {TensorShape.Text(tensor.Shape)}, not {into.Length} elements.");
        }

        Read(tensor, into);
    }

    public float[] Read(string key)
    {
        var values = new float[Tensors.TryGetValue(key, out var tensor) ? TensorShape.Count(tensor.Shape) : 0];
        Read(key, values);
        return values;
    }

    public void Dispose() => File.Dispose();

    protected abstract void Read(StoredTensor tensor, Span<float> into);
}
