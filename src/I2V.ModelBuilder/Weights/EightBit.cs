using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <summary>
/// Matrices in 8 bits: each column, which makes one output, has a scale of its own, its largest magnitude over 127, and its
/// numbers are whole multiples of it, −127 … 127, rounded to the nearest, ties to even. There is no zero point.
/// </summary>
internal static class EightBit
{
    private const float Largest = 127;

    /// <param name="matrix">[rows, columns], row-major.</param>
    /// <param name="columns">How many.</param>
    /// <param name="type">Of the scales: Float or Float16.</param>
    /// <returns>One byte for each element.</returns>
    public static byte[] Numbers(ReadOnlySpan<float> matrix, int columns, TensorElementType type)
    {
        var scales = ScalesOf(matrix, columns, type);
        var numbers = GC.AllocateUninitializedArray<byte>(matrix.Length);
        for (var row = 0; row < matrix.Length; row += columns)
        {
            for (var column = 0; column < columns; column++)
            {
                numbers[row + column] = (byte)(sbyte)MathF.Round(matrix[row + column] / scales[column]);
            }
        }

        return numbers;
    }

    /// <param name="matrix">[rows, columns], row-major.</param>
    /// <param name="columns">How many.</param>
    /// <param name="type">Of the result: Float or Float16.</param>
    /// <param name="key">Of the matrix, for the error.</param>
    /// <returns>The bytes of one number for each column.</returns>
    /// <exception cref="WeightsException">A value is infinite or not a number.</exception>
    public static byte[] Scales(ReadOnlySpan<float> matrix, int columns, TensorElementType type, string key) =>
        WeightTransforms.Cast(ScalesOf(matrix, columns, type), type, $"{key} (largest of a column / 127)");

    /// <summary>Rounded up to the type, so that no number is above 127; 1 for a column of zeros.</summary>
    private static float[] ScalesOf(ReadOnlySpan<float> matrix, int columns, TensorElementType type)
    {
        var scales = new float[columns];
        for (var row = 0; row < matrix.Length; row += columns)
        {
            for (var column = 0; column < columns; column++)
            {
                scales[column] = MathF.Max(scales[column], MathF.Abs(matrix[row + column]));
            }
        }

        return Array.ConvertAll(scales, largest => largest == 0 ? 1 : RoundedUp(largest / Largest, type));
    }

    private static float RoundedUp(float scale, TensorElementType type)
    {
        if (type == TensorElementType.Float)
        {
            return scale;
        }

        var half = (Half)scale;
        return (float)((float)half < scale ? Half.BitIncrement(half) : half);
    }
}
