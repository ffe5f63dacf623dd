using System.Runtime.InteropServices;
using I2V.Inference.Native;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class EightBitTests
{
    [Fact]
    public void Each_column_has_the_scale_of_its_largest_magnitude()
    {
        float[] matrix = [1, 0, -254, 0.5f, 0, 127, -1.27f, 0, 63.5f];

        Assert.Equal([1.27f / 127, 1, 2], Scales(matrix, TensorElementType.Float));
        Assert.Equal([100, 0, -127, 50, 0, 64, -127, 0, 32], Numbers(matrix, TensorElementType.Float)); // 63.5 and 31.75: ties to even, and the nearest
    }

    [Theory]
    [InlineData(TensorElementType.Float)]
    [InlineData(TensorElementType.Float16)]
    public void No_value_is_further_from_its_own_than_half_a_scale(TensorElementType type)
    {
        var random = new Random(3);
        var matrix = Enumerable.Range(0, 3 * 1000).Select(i => (float)((random.NextDouble() - 0.5) * (i % 3 == 0 ? 1e-5 : 3))).ToArray(); // the first column's scale is subnormal in half precision
        var (numbers, scales) = (Numbers(matrix, type), Scales(matrix, type));

        for (var i = 0; i < matrix.Length; i++)
        {
            Assert.InRange(numbers[i], -127, 127);
            Assert.InRange(MathF.Abs((numbers[i] * scales[i % 3]) - matrix[i]), 0, 0.5001f * scales[i % 3]);
        }

        Assert.InRange(numbers.Where((_, i) => i % 3 == 1).Max(number => Math.Abs(number)), 126, 127);
    }

    [Fact]
    public void A_value_that_is_no_number_is_refused_with_its_key()
    {
        Assert.Contains("attn.to_q.weight", Assert.Throws<WeightsException>(() => EightBit.Scales([1, float.NaN], 2, TensorElementType.Float16, "attn.to_q.weight")).Message, StringComparison.Ordinal);
    }

    private static sbyte[] Numbers(float[] matrix, TensorElementType type) => MemoryMarshal.Cast<byte, sbyte>(EightBit.Numbers(matrix, 3, type)).ToArray();

    private static float[] Scales(float[] matrix, TensorElementType type)
    {
        var bytes = EightBit.Scales(matrix, 3, type, "key");
        return type == TensorElementType.Float ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), value => (float)value);
    }
}
