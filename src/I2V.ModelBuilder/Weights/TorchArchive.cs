using System.Text;

namespace I2V.ModelBuilder.Weights;

/// <summary>
/// A torch <c>.bin</c> file: a zip archive with a pickle (<c>data.pkl</c>) that describes tensors, and their storages
/// (<c>data/N</c>), which are read in place when they are not compressed.
/// </summary>
internal sealed class TorchArchive : TensorFile
{
    private const long MaxPickle = 100_000_000;

    private const string PickleName = "/data.pkl";

    private readonly IReadOnlyDictionary<string, ZipEntry> entries;
    private readonly string folder;
    private readonly Dictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);

    private TorchArchive(MappedFile file)
        : base(file)
    {
        entries = ZipDirectory.Read(file);
        var pickle = entries.Values.Where(entry => entry.Name.EndsWith(PickleName, StringComparison.Ordinal)).ToList() is [var only]
            ? only
            : throw new InvalidDataException("it is no archive with one data.pkl, which torch writes.");
        folder = pickle.Name[..^PickleName.Length];
        if (pickle.Size > MaxPickle)
        {
            throw new InvalidDataException($"{pickle.Name} has {pickle.Size} bytes, and at most {MaxPickle} are allowed.");
        }

        CheckByteOrder();
        if (TorchPickle.Read(ZipDirectory.ReadAll(file, pickle)) is not Dictionary<object, object?> items)
        {
            throw new InvalidDataException("its pickle is not a dictionary of tensors.");
        }

        foreach (var (key, value) in items)
        {
            var name = key as string ?? throw new InvalidDataException("its dictionary has a key that is not a string.");
            var tensor = value as TorchTensor ?? throw new InvalidDataException($"{name} is not a tensor, and only tensors are read from it.");
            CheckStorage(name, tensor.Storage);
            tensors.Add(name, tensor);
        }
    }

    public override IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <exception cref="WeightsException">The file is not a torch archive, or holds more than tensors.</exception>
    public static new TorchArchive Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new TorchArchive(file);
        }
        catch (Exception error)
        {
            file.Dispose();
            if (error is InvalidDataException)
            {
                throw new WeightsException($"{path} is not a torch archive of tensors: {error.Message}", error);
            }

            throw;
        }
    }

    protected override void Read(StoredTensor tensor, Span<float> into)
    {
        var stored = (TorchTensor)tensor;
        try
        {
            if (stored.IsContiguous)
            {
                ReadStorage(stored.Storage, stored.Offset, into);
                return;
            }

            if (stored.Extent > Array.MaxLength)
            {
                throw new InvalidDataException($"a tensor's elements lie across {stored.Extent} others, more than can be read at once ({Array.MaxLength}).");
            }

            var elements = new float[stored.Extent];
            ReadStorage(stored.Storage, stored.Offset, elements);
            Gather(elements, stored.Shape, stored.Strides, into);
        }
        catch (InvalidDataException error)
        {
            throw new WeightsException($"{Path} is not a torch archive of tensors: {error.Message}", error);
        }
    }

    private void ReadStorage(TorchStorage storage, long offset, Span<float> into)
    {
        if (into.IsEmpty)
        {
            return;
        }

        var entry = Entry(storage);
        if (entry.IsStored)
        {
            File.ReadFloats(ZipDirectory.DataOffset(File, entry) + (offset * storage.Type.ElementSize), storage.Type.Type, into);
            return;
        }

        var bytes = ZipDirectory.ReadAll(File, entry).AsSpan((int)(offset * storage.Type.ElementSize), checked(into.Length * storage.Type.ElementSize));
        FloatConversions.ToSingle(bytes, storage.Type.Type, into);
    }

    /// <summary>Brings strided elements into the order of the shape.</summary>
    private static void Gather(ReadOnlySpan<float> elements, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides, Span<float> into)
    {
        if (into.IsEmpty)
        {
            return;
        }

        if (shape.Length == 1)
        {
            for (var i = 0; i < into.Length; i++)
            {
                into[i] = elements[(int)(i * strides[0])];
            }

            return;
        }

        var part = into.Length / (int)shape[0];
        for (var i = 0; i < (int)shape[0]; i++)
        {
            Gather(elements[(int)(i * strides[0])..], shape[1..], strides[1..], into.Slice(i * part, part));
        }
    }

    private ZipEntry Entry(TorchStorage storage) => entries[$"{folder}/data/{storage.Key}"];

    private void CheckStorage(string key, TorchStorage storage)
    {
        if (!entries.TryGetValue($"{folder}/data/{storage.Key}", out var entry))
        {
            throw new InvalidDataException($"{key} lies in data/{storage.Key}, which is not there.");
        }

        if (entry.Size / storage.Type.ElementSize < storage.Count)
        {
            throw new InvalidDataException($"data/{storage.Key} has {entry.Size} bytes, too few for the {storage.Count} elements of {storage.Type.TypeName} that {key} lies in.");
        }

        _ = ZipDirectory.DataOffset(File, entry);
    }

    private void CheckByteOrder()
    {
        if (entries.TryGetValue($"{folder}/byteorder", out var entry)
            && (entry.Size > 16 || Encoding.ASCII.GetString(ZipDirectory.ReadAll(File, entry)) != "little"))
        {
            throw new InvalidDataException("its byteorder is not little: save it on another machine.");
        }
    }
}
