using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace I2V.Tests.ModelBuilder.Weights;

/// <summary>Writes a torch archive as torch.save does for a state dict: an OrderedDict with _metadata, pickle protocol 2.</summary>
internal sealed class TorchSample(string path, CompressionLevel compression = CompressionLevel.NoCompression) : IDisposable
{
    private readonly ZipArchive zip = new(System.IO.File.Create(path), ZipArchiveMode.Create);
    private readonly MemoryStream items = new();
    private int storages;

    /// <summary>Replaces the whole pickle.</summary>
    public byte[]? Pickle { get; init; }

    public string ByteOrder { get; init; } = "little";

    /// <summary>Appends a pair of key and tensor with a storage of its own.</summary>
    /// <param name="storageType">As <c>torch FloatStorage</c>.</param>
    public void Add(string key, string storageType, byte[] data, long[] shape, long[] strides, long count, long offset = 0, bool isParameter = false)
    {
        var storage = $"{storages++}";
        File("archive/data/" + storage, data);
        Key(key);
        AddTensor(items, storageType, storage, shape, strides, count, offset, isParameter);
    }

    /// <summary>Appends a pair of key and something else: raw opcodes.</summary>
    public void AddRaw(string key, string opcodes)
    {
        Key(key);
        items.Write(Latin(opcodes));
    }

    public void Dispose()
    {
        File("archive/data.pkl", Pickle ?? [
            .. Latin("\u0080\u0002ccollections\nOrderedDict\nq\0)Rq\u0001("), .. items.ToArray(), .. Latin("u}q\u0002"),
            .. Text("_metadata"), .. Latin("ccollections\nOrderedDict\nq\u0003)R("), .. Text(""), .. Latin("}"), .. Text("version"), .. Latin("K\u0001susb."),
        ]);
        File("archive/byteorder", Encoding.ASCII.GetBytes(ByteOrder));
        File("archive/version", "3\n"u8.ToArray());
        zip.Dispose();
    }

    public static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);

    private static void AddTensor(MemoryStream into, string storageType, string storage, long[] shape, long[] strides, long count, long offset, bool isParameter)
    {
        if (isParameter)
        {
            into.Write(Latin("ctorch._utils\n_rebuild_parameter\nq\u0004("));
        }

        into.Write(Latin("ctorch._utils\n_rebuild_tensor_v2\nq\u0005(("));
        into.Write(Text("storage"));
        into.Write(Latin($"c{storageType.Replace(' ', '\n')}\n"));
        into.Write(Text(storage));
        into.Write(Text("cpu"));
        into.Write([.. Number(count), .. Latin("tQ"), .. Number(offset), (byte)'(']);
        into.Write([.. shape.SelectMany(Number), .. Latin("t(")]);
        into.Write([.. strides.SelectMany(Number), .. Latin("t\u0089ccollections\nOrderedDict\n)RtR")]);
        if (isParameter)
        {
            into.Write(Latin("\u0088ccollections\nOrderedDict\n)RtR"));
        }
    }

    /// <summary>As pickle writes it: one byte, two, four signed, or LONG1.</summary>
    private static byte[] Number(long value) => value switch
    {
        >= 0 and < 256 => [(byte)'K', (byte)value],
        >= 0 and < 65536 => [(byte)'M', (byte)value, (byte)(value >> 8)],
        >= int.MinValue and <= int.MaxValue => [(byte)'J', .. BitConverter.GetBytes((int)value)],
        _ => [0x8A, 8, .. BitConverter.GetBytes(value)],
    };

    private static byte[] Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return [(byte)'X', .. length, .. bytes];
    }

    private void Key(string key) => items.Write(Text(key));

    private void File(string name, byte[] data)
    {
        using var stream = zip.CreateEntry(name, compression).Open();
        stream.Write(data);
    }
}
