using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <param name="Type">Float, Float16 or BFloat16; Unknown for the others.</param>
/// <param name="TypeName">As torch calls it, such as <c>HalfStorage</c>.</param>
internal sealed record TorchStorageType(TensorElementType Type, string TypeName, int ElementSize);

/// <param name="Key">Name of the file below <c>data/</c>.</param>
/// <param name="Count">Elements.</param>
internal sealed record TorchStorage(TorchStorageType Type, string Key, long Count);

/// <param name="Offset">Element of the storage that is the tensor's first.</param>
/// <param name="Strides">Elements from one to the next along each dimension.</param>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides)
    : StoredTensor(Storage.Type.Type, Storage.Type.TypeName, Shape)
{
    /// <summary>Elements of the storage from the first to the last that the tensor uses.</summary>
    public long Extent => Shape.Contains(0) ? 0 : 1 + Shape.Zip(Strides, (size, stride) => checked((size - 1) * stride)).Aggregate(0L, (sum, steps) => checked(sum + steps));

    /// <summary>True when the elements lie in the storage as the shape says, row by row.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected)
                {
                    return false;
                }

                expected *= Shape[i];
            }

            return true;
        }
    }
}

/// <summary>The names and calls that the pickle of a dictionary of tensors is made of. All others are refused.</summary>
internal static class TorchObjects
{
    private const int MaxRank = 64;

    private static readonly object OrderedDict = new(), RebuildTensor = new(), RebuildParameter = new();

    private static readonly Dictionary<string, object> Names = new(StringComparer.Ordinal)
    {
        ["collections OrderedDict"] = OrderedDict,
        ["torch._utils _rebuild_tensor_v2"] = RebuildTensor,
        ["torch._utils _rebuild_parameter"] = RebuildParameter,
        ["torch FloatStorage"] = new TorchStorageType(TensorElementType.Float, "FloatStorage", 4),
        ["torch HalfStorage"] = new TorchStorageType(TensorElementType.Float16, "HalfStorage", 2),
        ["torch BFloat16Storage"] = new TorchStorageType(TensorElementType.BFloat16, "BFloat16Storage", 2),
        ["torch DoubleStorage"] = new TorchStorageType(TensorElementType.Unknown, "DoubleStorage", 8),
        ["torch LongStorage"] = new TorchStorageType(TensorElementType.Unknown, "LongStorage", 8),
        ["torch IntStorage"] = new TorchStorageType(TensorElementType.Unknown, "IntStorage", 4),
        ["torch ShortStorage"] = new TorchStorageType(TensorElementType.Unknown, "ShortStorage", 2),
        ["torch CharStorage"] = new TorchStorageType(TensorElementType.Unknown, "CharStorage", 1),
        ["torch ByteStorage"] = new TorchStorageType(TensorElementType.Unknown, "ByteStorage", 1),
        ["torch BoolStorage"] = new TorchStorageType(TensorElementType.Unknown, "BoolStorage", 1),
    };

    /// <exception cref="InvalidDataException">The name is none of a tensor's.</exception>
    public static object Named(string module, string name) =>
        Names.TryGetValue($"{module} {name}", out var known)
            ? known
            : throw new InvalidDataException($"its pickle asks for {module}.{name}, and only tensors are read from it.");

    /// <exception cref="InvalidDataException">It is not one of the three calls that make tensors and their dictionary.</exception>
    public static object? Call(object? function, object?[] arguments) => function switch
    {
        _ when function == OrderedDict && arguments.Length == 0 => new Dictionary<object, object?>(),
        _ when function == RebuildTensor && arguments is [TorchStorage storage, long offset, object?[] shape, object?[] strides, ..] =>
            Tensor(storage, offset, Array.ConvertAll(shape, Whole), Array.ConvertAll(strides, Whole)),
        _ when function == RebuildParameter && arguments is [TorchTensor tensor, ..] => tensor,
        _ => throw new InvalidDataException("its pickle makes a call that no dictionary of tensors needs."),
    };

    /// <exception cref="InvalidDataException">It is not ('storage', type, key, device, count).</exception>
    public static object Storage(object? id) => id is object?[] and ["storage", TorchStorageType type, string key, string, long count] && count >= 0
        ? new TorchStorage(type, key, count)
        : throw new InvalidDataException("its pickle refers to something outside that is not a storage.");

    private static TorchTensor Tensor(TorchStorage storage, long offset, long[] shape, long[] strides)
    {
        var tensor = new TorchTensor(storage, offset, shape, strides);
        if (shape.Length > MaxRank || shape.Length != strides.Length || offset < 0 || shape.Concat(strides).Any(number => number < 0))
        {
            throw new InvalidDataException($"its pickle has a tensor of shape {TensorShape.Text(shape)} with strides {TensorShape.Text(strides)} at {offset}.");
        }

        _ = TensorShape.Count(shape);
        return tensor.Extent <= storage.Count - offset
            ? tensor
            : throw new InvalidDataException($"its pickle has a tensor of shape {TensorShape.Text(shape)} with strides {TensorShape.Text(strides)} at {offset}, outside its {storage.Count} elements.");
    }

    private static long Whole(object? value) => (long)value!;
}
