using System.Buffers.Binary;

namespace I2V.ModelBuilder.Weights;

/// <summary>
/// A safetensors file: 8 bytes with the header's length, the header in JSON (key → dtype, shape, data_offsets), then the
/// tensors without holes. Everything the header says is checked when the file is opened.
/// </summary>
internal sealed class SafetensorsFile : TensorFile
{
    private const long MaxHeader = 100_000_000;

    private readonly long dataOffset;

    private SafetensorsFile(MappedFile file, long dataOffset, IReadOnlyDictionary<string, StoredTensor> tensors)
        : base(file) =>
        (this.dataOffset, Tensors) = (dataOffset, tensors);

    public override IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <exception cref="WeightsException">The file is not what the format asks for.</exception>
    public static new SafetensorsFile Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            var header = ReadHeader(file);
            var dataOffset = sizeof(ulong) + header.Length;
            return new SafetensorsFile(file, dataOffset, SafetensorsHeader.Parse(header, file.Length - dataOffset));
        }
        catch (Exception error)
        {
            file.Dispose();
            if (error is InvalidDataException)
            {
                throw new WeightsException($"{path} is not a valid safetensors file: {error.Message}", error);
            }

            throw;
        }
    }

    protected override void Read(StoredTensor tensor, Span<float> into)
    {
        var place = (SafetensorsEntry)tensor;
        File.ReadFloats(dataOffset + place.Begin, place.Type, into);
    }

    private static byte[] ReadHeader(MappedFile file)
    {
        if (file.Length < sizeof(ulong))
        {
            throw new InvalidDataException($"it has {file.Length} bytes, too few for the length of its header.");
        }

        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        file.Read(0, prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeader)
        {
            throw new InvalidDataException($"its header claims {length} bytes, and at most {MaxHeader} are allowed.");
        }

        if ((long)length > file.Length - sizeof(ulong))
        {
            throw new InvalidDataException($"its header claims {length} bytes, but the file ends after {file.Length}.");
        }

        return file.Read(sizeof(ulong), (long)length);
    }
}
