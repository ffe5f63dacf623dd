namespace I2V.Inference.Native;

/// <summary>What one element of a tensor is. The numbers are ONNX's own.</summary>
public enum TensorElementType
{
    /// <summary>Not a tensor, or of a type that this binding does not read.</summary>
    Unknown = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,

    /// <summary><see cref="Half"/> in C#.</summary>
    Float16 = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,

    /// <summary><see cref="Native.BFloat16"/> in C#.</summary>
    BFloat16 = 16,
}

/// <summary>Between C# types and element types.</summary>
public static class TensorElementTypes
{
    /// <summary>The element type whose elements are laid out like <typeparamref name="T"/>.</summary>
    /// <exception cref="NotSupportedException">No tensor holds elements of this type.</exception>
    public static TensorElementType Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? TensorElementType.Float
        : typeof(T) == typeof(byte) ? TensorElementType.UInt8
        : typeof(T) == typeof(sbyte) ? TensorElementType.Int8
        : typeof(T) == typeof(ushort) ? TensorElementType.UInt16
        : typeof(T) == typeof(short) ? TensorElementType.Int16
        : typeof(T) == typeof(int) ? TensorElementType.Int32
        : typeof(T) == typeof(long) ? TensorElementType.Int64
        : typeof(T) == typeof(bool) ? TensorElementType.Bool
        : typeof(T) == typeof(Half) ? TensorElementType.Float16
        : typeof(T) == typeof(double) ? TensorElementType.Double
        : typeof(T) == typeof(uint) ? TensorElementType.UInt32
        : typeof(T) == typeof(ulong) ? TensorElementType.UInt64
        : typeof(T) == typeof(BFloat16) ? TensorElementType.BFloat16
        : throw new NotSupportedException($"No tensor holds elements of type {typeof(T).Name}.");

    /// <summary>Bytes of one element.</summary>
    /// <exception cref="NotSupportedException">The elements have no fixed size.</exception>
    public static int SizeOf(TensorElementType type) => type switch
    {
        TensorElementType.UInt8 or TensorElementType.Int8 or TensorElementType.Bool => 1,
        TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.UInt16 or TensorElementType.Int16 => 2,
        TensorElementType.Float or TensorElementType.Int32 or TensorElementType.UInt32 => 4,
        TensorElementType.Int64 or TensorElementType.UInt64 or TensorElementType.Double => 8,
        _ => throw new NotSupportedException($"Elements of type {type} have no fixed size."),
    };
}

/// <summary>A 16-bit float with the range of <see cref="float"/>: its upper half.</summary>
/// <param name="Bits">Sign, 8 bits exponent, 7 bits fraction.</param>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>Rounds to the nearest, ties to even; a NaN stays one.</summary>
    public static explicit operator BFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? new BFloat16((ushort)((bits >> 16) | 0x40))
            : new BFloat16((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    /// <summary>Exact.</summary>
    public static explicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);

    public override string ToString() => ((float)this).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
