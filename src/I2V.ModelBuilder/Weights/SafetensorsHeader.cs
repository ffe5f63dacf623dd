using System.Text.Json;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">First byte behind it.</param>
internal sealed record SafetensorsEntry(TensorElementType Type, string TypeName, long[] Shape, long Begin, long End)
    : StoredTensor(Type, TypeName, Shape);

/// <summary>The header of a safetensors file.</summary>
internal static class SafetensorsHeader
{
    private const string Metadata = "__metadata__";

    private const int MaxRank = 64, MaxQuoted = 40;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    private static readonly Dictionary<string, int> ElementSizes = new()
    {
        ["BOOL"] = 1,
        ["U8"] = 1,
        ["I8"] = 1,
        ["F8_E5M2"] = 1,
        ["F8_E4M3"] = 1,
        ["F8_E8M0"] = 1,
        ["I16"] = 2,
        ["U16"] = 2,
        ["F16"] = 2,
        ["BF16"] = 2,
        ["I32"] = 4,
        ["U32"] = 4,
        ["F32"] = 4,
        ["I64"] = 8,
        ["U64"] = 8,
        ["F64"] = 8,
        ["C64"] = 8,
    };

    /// <param name="json">UTF-8.</param>
    /// <param name="dataLength">Bytes behind the header.</param>
    /// <exception cref="InvalidDataException">It is not a header, or what it says cannot be true.</exception>
    public static IReadOnlyDictionary<string, StoredTensor> Parse(ReadOnlyMemory<byte> json, long dataLength)
    {
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException("its header is not a JSON object.");
            }

            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name != Metadata)
                {
                    tensors.Add(property.Name, Entry(property.Name, property.Value, dataLength));
                }
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"its header cannot be read: {error.Message}", error);
        }

        CheckOrder(tensors, dataLength);
        return tensors;
    }

    private static SafetensorsEntry Entry(string key, JsonElement entry, long dataLength)
    {
        var type = Field(key, entry, "dtype", JsonValueKind.String).GetString()!;
        if (!ElementSizes.TryGetValue(type, out var size))
        {
            throw new InvalidDataException($"{key} is of the unknown type {type}.");
        }

        var shape = Numbers(key, entry, "shape");
        var offsets = Numbers(key, entry, "data_offsets");
        if (offsets.Length != 2 || offsets[0] > offsets[1] || offsets[1] > dataLength)
        {
            throw new InvalidDataException($"{key} has data_offsets [{string.Join(", ", offsets)}], which do not lie in the {dataLength} bytes of data.");
        }

        if (Bytes(key, shape, size) is var bytes && bytes != offsets[1] - offsets[0])
        {
            throw new InvalidDataException($"{key} of type {type} and shape {TensorShape.Text(shape)} needs {bytes} bytes, but has {offsets[1] - offsets[0]}.");
        }

        return new SafetensorsEntry(ElementType(type), type, shape, offsets[0], offsets[1]);
    }

    private static long Bytes(string key, long[] shape, int elementSize)
    {
        try
        {
            return checked(TensorShape.Count(shape) * elementSize);
        }
        catch (OverflowException error)
        {
            throw new InvalidDataException($"{key} has the shape {TensorShape.Text(shape)}, which is more than can be counted.", error);
        }
    }

    private static TensorElementType ElementType(string type) => type switch
    {
        "F32" => TensorElementType.Float,
        "F16" => TensorElementType.Float16,
        "BF16" => TensorElementType.BFloat16,
        _ => TensorElementType.Unknown,
    };

    private static JsonElement Field(string key, JsonElement entry, string field, JsonValueKind kind) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(field, out var value) && value.ValueKind == kind
            ? value
            : throw new InvalidDataException($"{key} has no {field}.");

    private static long[] Numbers(string key, JsonElement entry, string field)
    {
        var array = Field(key, entry, field, JsonValueKind.Array);
        if (array.GetArrayLength() > MaxRank)
        {
            throw new InvalidDataException($"{key} has a {field} of {array.GetArrayLength()} numbers, and at most {MaxRank} are allowed.");
        }

        return [.. array.EnumerateArray().Select(number => number.ValueKind == JsonValueKind.Number && number.TryGetInt64(out var value) && value >= 0
            ? value
            : throw new InvalidDataException($"{key} has {Beginning(number.GetRawText())} in its {field}, which is not a whole number from 0."))];
    }

    /// <summary>Enough to recognise it in an error, however long it is.</summary>
    private static string Beginning(string text) => text.Length <= MaxQuoted ? text : $"{text[..MaxQuoted]}…";

    /// <summary>Tensors follow each other without overlap or hole, from the first byte of the data to the last.</summary>
    private static void CheckOrder(Dictionary<string, StoredTensor> tensors, long dataLength)
    {
        var end = 0L;
        foreach (var (key, entry) in tensors.Select(tensor => (tensor.Key, (SafetensorsEntry)tensor.Value)).OrderBy(tensor => tensor.Item2.Begin).ThenBy(tensor => tensor.Item2.End))
        {
            if (entry.Begin != end)
            {
                throw new InvalidDataException(entry.Begin < end
                    ? $"{key} overlaps the tensor before it: it begins at byte {entry.Begin} of the data, and that ends at {end}."
                    : $"no tensor holds the bytes {end} to {entry.Begin} of the data, before {key}.");
            }

            end = entry.End;
        }

        if (end != dataLength)
        {
            throw new InvalidDataException($"its tensors end after {end} bytes of data, but it has {dataLength}.");
        }
    }
}
