using System.Runtime.InteropServices;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <summary>Brings weights into the order and precision that a graph wants.</summary>
internal static class WeightTransforms
{
    /// <summary>Side of the square that is transposed at once: its lines of source and result fit the first cache together.</summary>
    private const int Tile = 32;

    /// <summary>[rows, columns] → [columns, rows]: a Linear's weight for MatMul.</summary>
    public static float[] Transpose2D(ReadOnlySpan<float> source, int rows, int columns)
    {
        CheckLength(source.Length, (long)rows * columns);
        var result = GC.AllocateUninitializedArray<float>(source.Length);
        Transpose(source, result, rows, columns);
        return result;
    }

    /// <summary>[outputs, inputs, height, width] → [outputs, height, width, inputs]: a convolution's weight for channels last.</summary>
    public static float[] ToChannelsLast(ReadOnlySpan<float> source, int outputs, int inputs, int kernelHeight, int kernelWidth)
    {
        var window = kernelHeight * kernelWidth;
        var filter = checked(inputs * window);
        CheckLength(source.Length, (long)outputs * filter);
        var result = GC.AllocateUninitializedArray<float>(source.Length);
        for (var output = 0; output < outputs; output++)
        {
            Transpose(source.Slice(output * filter, filter), result.AsSpan(output * filter, filter), inputs, window);
        }

        return result;
    }

    /// <summary>The bytes of a tensor as a graph's file holds them, rounded to the nearest, ties to even.</summary>
    /// <param name="type">Float, Float16 or BFloat16.</param>
    /// <param name="key">Of the tensor, for the error.</param>
    /// <exception cref="WeightsException">A value is infinite, not a number, or too large for the type.</exception>
    public static byte[] Cast(ReadOnlySpan<float> values, TensorElementType type, string key)
    {
        if (type is not (TensorElementType.Float or TensorElementType.Float16 or TensorElementType.BFloat16))
        {
            throw new ArgumentException($"Weights are cast to Float, Float16 or BFloat16, not to {type}.", nameof(type));
        }

        var size = (long)values.Length * TensorElementTypes.SizeOf(type);
        if (size > Array.MaxLength)
        {
            throw new WeightsException($"{key} has {values.Length} elements, which are more bytes as {type} than one array holds ({Array.MaxLength}).");
        }

        var bytes = GC.AllocateUninitializedArray<byte>((int)size);
        var place = Fill(values, type, bytes);
        if (place >= 0)
        {
            throw new WeightsException(float.IsFinite(values[place])
                ? FormattableString.Invariant($"{key} holds {values[place]:G9} (element {place}), which is too large for {type}: build it as Float.")
                : FormattableString.Invariant($"{key} holds {values[place]} (element {place}): every weight must be a finite number."));
        }

        FloatConversions.ToMachineOrder(bytes, TensorElementTypes.SizeOf(type));
        return bytes;
    }

    /// <returns>The place of the first value that is not finite in the type; −1 when there is none.</returns>
    private static int Fill(ReadOnlySpan<float> values, TensorElementType type, Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ushort>(bytes);
        switch (type)
        {
            case TensorElementType.Float16:
                FloatConversions.SingleToHalf(values, words);
                return FloatConversions.FirstNotFinite(words, 0x7C00);
            case TensorElementType.BFloat16:
                FloatConversions.SingleToBFloat16(values, words);
                return FloatConversions.FirstNotFinite(words, 0x7F80);
            default:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                return FloatConversions.FirstNotFinite(values);
        }
    }

    private static void Transpose(ReadOnlySpan<float> source, Span<float> into, int rows, int columns)
    {
        for (var top = 0; top < rows; top += Tile)
        {
            var bottom = Math.Min(top + Tile, rows);
            for (var left = 0; left < columns; left += Tile)
            {
                var right = Math.Min(left + Tile, columns);
                for (var column = left; column < right; column++)
                {
                    var line = into.Slice(column * rows, rows);
                    for (var row = top; row < bottom; row++)
                    {
                        line[row] = source[(row * columns) + column];
                    }
                }
            }
        }
    }

    private static void CheckLength(int length, long expected)
    {
        if (length != expected)
        {
            throw new ArgumentException($"The sizes ask for {expected} values, but {length} were given.");
        }
    }
}
