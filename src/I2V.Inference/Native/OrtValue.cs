using System.Buffers;

namespace I2V.Inference.Native;

/// <summary>Element type and shape of a tensor.</summary>
/// <param name="ElementDataType">What its elements are.</param>
/// <param name="Shape">Its dimensions, outermost first; empty for a scalar.</param>
public sealed record OrtTensorTypeAndShapeInfo(TensorElementType ElementDataType, IReadOnlyList<long> Shape)
{
    /// <summary>The product of the dimensions.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
}

/// <summary>A tensor: in memory of the runtime, of the caller, or of a device. Spans over it end with it.</summary>
public sealed unsafe class OrtValue : OrtHandle
{
    private MemoryHandle pin;

    internal OrtValue(nint pointer)
        : base(pointer)
    {
    }

    private OrtValue(nint pointer, MemoryHandle pin)
        : base(pointer) => this.pin = pin;

    /// <summary>Bytes of the tensor's data.</summary>
    public long SizeInBytes
    {
        get
        {
            using var self = Use();
            nuint size;
            OrtApi.Check(OrtApi.GetTensorSizeInBytes(self.Pointer, &size), "GetTensorSizeInBytes");
            return (long)size;
        }
    }

    /// <summary>True when the data lies in the processor's memory, where spans can see it.</summary>
    public bool IsOnCpu
    {
        get
        {
            using var self = Use();
            nint info;
            OrtApi.Check(OrtApi.GetTensorMemoryInfo(self.Pointer, &info), "GetTensorMemoryInfo");
            int device;
            OrtApi.MemoryInfoGetDeviceType(info, &device);
            return device == 0;
        }
    }

    /// <summary>A tensor over the caller's memory, which stays where it is until the value is disposed. Nothing is copied.</summary>
    /// <param name="memory">Exactly as many elements as the shape says.</param>
    /// <param name="shape">Dimensions, outermost first.</param>
    /// <exception cref="ArgumentException">Memory and shape disagree.</exception>
    public static OrtValue CreateTensorValueFromMemory<T>(Memory<T> memory, ReadOnlySpan<long> shape)
        where T : unmanaged
    {
        var type = TensorElementTypes.Of<T>();
        if (ElementCount(shape) != memory.Length)
        {
            throw new ArgumentException(
                $"A tensor of shape [{string.Join(", ", shape.ToArray())}] has {ElementCount(shape)} elements, but the memory holds {memory.Length}.",
                nameof(memory));
        }

        var pin = memory.Pin();
        try
        {
            return new OrtValue(WithData(OrtMemoryInfo.DefaultInstance, type, shape, (nint)pin.Pointer, (long)memory.Length * sizeof(T)), pin);
        }
        catch
        {
            pin.Dispose();
            throw;
        }
    }

    /// <summary>A tensor over the caller's array; see the overload for memory.</summary>
    public static OrtValue CreateTensorValueFromMemory<T>(T[] data, ReadOnlySpan<long> shape)
        where T : unmanaged => CreateTensorValueFromMemory(data.AsMemory(), shape);

    /// <summary>A tensor over memory that somebody else owns, on any device; it must outlive the value.</summary>
    public static OrtValue CreateTensorValueWithData(OrtMemoryInfo memoryInfo, TensorElementType elementType, ReadOnlySpan<long> shape, nint data, long bytes) =>
        new(WithData(memoryInfo, elementType, shape, data, bytes));

    /// <summary>A tensor whose memory the allocator gives; its content is undefined.</summary>
    public static OrtValue CreateAllocatedTensorValue(OrtAllocator allocator, TensorElementType elementType, ReadOnlySpan<long> shape)
    {
        using var owner = allocator.Use();
        nint value;
        fixed (long* dimensions = shape)
        {
            OrtApi.Check(
                OrtApi.CreateTensorAsOrtValue(owner.Pointer, dimensions, (nuint)shape.Length, (int)elementType, &value),
                "CreateTensorAsOrtValue");
        }

        return new OrtValue(value);
    }

    public OrtTensorTypeAndShapeInfo GetTensorTypeAndShape()
    {
        using var self = Use();
        nint info;
        OrtApi.Check(OrtApi.GetTensorTypeAndShape(self.Pointer, &info), "GetTensorTypeAndShape");
        try
        {
            var metadata = NodeMetadata.Read(info);
            return new OrtTensorTypeAndShapeInfo(metadata.ElementDataType, metadata.Dimensions);
        }
        finally
        {
            OrtApi.ReleaseTensorTypeAndShapeInfo(info);
        }
    }

    /// <summary>The elements, read-only.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another type, or lie on a device.</exception>
    public ReadOnlySpan<T> GetTensorDataAsSpan<T>()
        where T : unmanaged => GetTensorMutableDataAsSpan<T>();

    /// <summary>The elements. The span is valid until the value is disposed: keep the value alive while it is used.</summary>
    /// <exception cref="InvalidOperationException">The elements are of another type, or lie on a device.</exception>
    public Span<T> GetTensorMutableDataAsSpan<T>()
        where T : unmanaged
    {
        var info = GetTensorTypeAndShape();
        if (info.ElementDataType != TensorElementTypes.Of<T>())
        {
            throw new InvalidOperationException($"The tensor holds {info.ElementDataType}, not {TensorElementTypes.Of<T>()}.");
        }

        if (!IsOnCpu)
        {
            throw new InvalidOperationException("The tensor lies on a device: bind the output to the processor's memory to read it.");
        }

        using var self = Use();
        void* data;
        OrtApi.Check(OrtApi.GetTensorMutableData(self.Pointer, &data), "GetTensorMutableData");
        return new Span<T>(data, checked((int)info.ElementCount));
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseValue(handle);
        pin.Dispose();
        return true;
    }

    private static nint WithData(OrtMemoryInfo memoryInfo, TensorElementType type, ReadOnlySpan<long> shape, nint data, long bytes)
    {
        using var info = memoryInfo.Use();
        nint value;
        fixed (long* dimensions = shape)
        {
            OrtApi.Check(
                OrtApi.CreateTensorWithDataAsOrtValue(info.Pointer, (void*)data, (nuint)bytes, dimensions, (nuint)shape.Length, (int)type, &value),
                "CreateTensorWithDataAsOrtValue");
        }

        return value;
    }

    private static long ElementCount(ReadOnlySpan<long> shape)
    {
        var count = 1L;
        foreach (var dimension in shape)
        {
            count = checked(count * dimension);
        }

        return count;
    }
}
