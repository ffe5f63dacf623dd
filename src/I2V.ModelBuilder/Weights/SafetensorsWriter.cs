using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <summary>A tensor to be written.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Type">Float, Float16, BFloat16, Double, Int64, Int32, UInt8 or Bool.</param>
/// <param name="Shape">Outermost first.</param>
/// <param name="Read">Gives its little-endian bytes, row-major; called once, when it is its turn.</param>
public sealed record SafetensorsTensor(string Key, TensorElementType Type, long[] Shape, Func<ReadOnlyMemory<byte>> Read)
{
    /// <summary>A tensor of fp32 numbers.</summary>
    public static SafetensorsTensor Floats(string key, float[] values, params long[] shape) =>
        new(key, TensorElementType.Float, shape, () => WeightTransforms.Cast(values, TensorElementType.Float, key));

    /// <summary>A tensor of whole numbers.</summary>
    public static SafetensorsTensor Int64s(string key, long[] values, params long[] shape) =>
        new(key, TensorElementType.Int64, shape, () => MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
}

/// <summary>Writes safetensors files, one tensor in memory at a time.</summary>
public static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <exception cref="ArgumentException">A tensor's bytes do not fit its shape, or two have one key.</exception>
    public static void Write(string path, IReadOnlyList<SafetensorsTensor> tensors)
    {
        using var stream = File.Create(path);
        var header = Header(tensors);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in tensors)
        {
            var bytes = tensor.Read();
            if (bytes.Length != Bytes(tensor))
            {
                throw new ArgumentException($"{tensor.Key} of type {tensor.Type} and shape {TensorShape.Text(tensor.Shape)} needs {Bytes(tensor)} bytes, but got {bytes.Length}.", nameof(tensors));
            }

            stream.Write(bytes.Span);
        }
    }

    /// <summary>JSON, filled with spaces so that the data begins at a multiple of eight.</summary>
    private static byte[] Header(IReadOnlyList<SafetensorsTensor> tensors)
    {
        if (tensors.GroupBy(tensor => tensor.Key, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any()) is { } twice)
        {
            throw new ArgumentException($"There are two tensors named {twice.Key}.", nameof(tensors));
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            var begin = 0L;
            json.WriteStartObject();
            foreach (var tensor in tensors)
            {
                var end = begin + Bytes(tensor);
                json.WriteStartObject(tensor.Key);
                json.WriteString("dtype", TypeName(tensor.Type));
                WriteNumbers(json, "shape", tensor.Shape);
                WriteNumbers(json, "data_offsets", [begin, end]);
                json.WriteEndObject();
                begin = end;
            }

            json.WriteEndObject();
        }

        buffer.Write("        "u8[..((Alignment - (buffer.WrittenCount % Alignment)) % Alignment)]);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static long Bytes(SafetensorsTensor tensor) => checked(TensorShape.Count(tensor.Shape) * TensorElementTypes.SizeOf(tensor.Type));

    private static string TypeName(TensorElementType type) => type switch
    {
        TensorElementType.Float => "F32",
        TensorElementType.Float16 => "F16",
        TensorElementType.BFloat16 => "BF16",
        TensorElementType.Double => "F64",
        TensorElementType.Int64 => "I64",
        TensorElementType.Int32 => "I32",
        TensorElementType.UInt8 => "U8",
        TensorElementType.Bool => "BOOL",
        _ => throw new ArgumentException($"No tensor of type {type} is written.", nameof(type)),
    };
}
