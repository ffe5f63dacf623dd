using System.Runtime.InteropServices;
using I2V.Inference.Native;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class WeightTransformsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(32, 64)]
    [InlineData(70, 33)]
    public void Transposing_swaps_rows_and_columns(int rows, int columns)
    {
        var source = Numbers(rows * columns);

        var result = WeightTransforms.Transpose2D(source, rows, columns);

        Assert.All(Enumerable.Range(0, source.Length), i => Assert.Equal(source[i], result[((i % columns) * rows) + (i / columns)]));
    }

    [Theory]
    [InlineData(2, 3, 3, 3)]
    [InlineData(4, 40, 3, 1)]
    [InlineData(5, 37, 1, 1)]
    public void Channels_last_moves_only_the_inputs(int outputs, int inputs, int height, int width)
    {
        var source = Numbers(outputs * inputs * height * width);

        var result = WeightTransforms.ToChannelsLast(source, outputs, inputs, height, width);

        var place = 0;
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
            {
                for (var y = 0; y < height; y++)
                {
                    for (var x = 0; x < width; x++)
                    {
                        Assert.Equal(source[place++], result[(((((o * height) + y) * width) + x) * inputs) + i]);
                    }
                }
            }
        }
    }

    [Fact]
    public void Sizes_that_do_not_fit_the_values_are_refused()
    {
        Assert.Throws<ArgumentException>(() => WeightTransforms.Transpose2D(Numbers(5), 2, 3));
        Assert.Throws<ArgumentException>(() => WeightTransforms.ToChannelsLast(Numbers(5), 1, 1, 2, 3));
    }

    [Fact]
    public void Rounding_to_half_is_the_frameworks_own_for_floats_of_every_exponent()
    {
        var values = Floats().Where(value => Half.IsFinite((Half)value)).ToArray();

        var cast = MemoryMarshal.Cast<byte, ushort>(WeightTransforms.Cast(values, TensorElementType.Float16, "w")).ToArray();

        Assert.Equal(values.Select(value => BitConverter.HalfToUInt16Bits((Half)value)), cast);
    }

    [Fact]
    public void Rounding_to_bfloat16_takes_the_nearest_and_ties_to_even()
    {
        var values = Floats().Where(value => float.IsFinite((float)(BFloat16)value)).ToArray();

        var cast = MemoryMarshal.Cast<byte, ushort>(WeightTransforms.Cast(values, TensorElementType.BFloat16, "w")).ToArray();

        Assert.Equal(values.Select(value => ((BFloat16)value).Bits), cast);
        Assert.Equal([0x3F80, 0x3F82], MemoryMarshal.Cast<byte, ushort>(WeightTransforms.Cast([Bits(0x3F80_8000), Bits(0x3F81_8000)], TensorElementType.BFloat16, "w")).ToArray());
    }

    [Fact]
    public void Floats_stay_as_they_are()
    {
        var values = Numbers(19);

        Assert.Equal(values, MemoryMarshal.Cast<byte, float>(WeightTransforms.Cast(values, TensorElementType.Float, "w")).ToArray());
    }

    [Fact]
    public void Every_half_becomes_exactly_the_float_it_stands_for_and_comes_back()
    {
        var halves = Enumerable.Range(0, 65536).Select(bits => (ushort)bits).ToArray();
        var floats = new float[halves.Length];
        var back = new ushort[halves.Length];

        FloatConversions.HalfToSingle(halves, floats);
        FloatConversions.SingleToHalf(floats, back);

        Assert.Equal(halves.Select(bits => (float)BitConverter.UInt16BitsToHalf(bits)), floats);
        Assert.All(halves, bits => Assert.True(back[bits] == bits || (Half.IsNaN(BitConverter.UInt16BitsToHalf(bits)) && Half.IsNaN(BitConverter.UInt16BitsToHalf(back[bits])))));
    }

    [Fact]
    public void Every_bfloat16_becomes_exactly_the_float_it_stands_for()
    {
        var words = Enumerable.Range(0, 65536).Select(bits => (ushort)bits).ToArray();
        var floats = new float[words.Length];

        FloatConversions.BFloat16ToSingle(words, floats);

        Assert.Equal(words.Select(bits => (uint)bits << 16), floats.Select(BitConverter.SingleToUInt32Bits));
    }

    [Theory]
    [InlineData(65520f, TensorElementType.Float16, "too large for Float16")]
    [InlineData(-1e30f, TensorElementType.Float16, "too large for Float16")]
    [InlineData(float.MaxValue, TensorElementType.BFloat16, "too large for BFloat16")]
    [InlineData(float.NaN, TensorElementType.Float16, "finite")]
    [InlineData(float.NegativeInfinity, TensorElementType.BFloat16, "finite")]
    [InlineData(float.NaN, TensorElementType.Float, "finite")]
    public void A_weight_that_does_not_fit_the_type_is_named(float value, TensorElementType type, string why)
    {
        foreach (var place in new[] { 3, 20 })
        {
            var values = Numbers(21);
            values[place] = value;

            var error = Assert.Throws<WeightsException>(() => WeightTransforms.Cast(values, type, "mid_block.conv.weight"));

            Assert.Contains("mid_block.conv.weight", error.Message, StringComparison.Ordinal);
            Assert.Contains($"element {place}", error.Message, StringComparison.Ordinal);
            Assert.Contains(why, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_largest_float_that_rounds_to_a_finite_half_is_taken() =>
        Assert.Equal([0xFF, 0x7B], WeightTransforms.Cast([MathF.BitDecrement(65520)], TensorElementType.Float16, "w"));

    [Fact]
    public void Weights_are_not_cast_to_whole_numbers() =>
        Assert.Throws<ArgumentException>(() => WeightTransforms.Cast([1], TensorElementType.Int64, "w"));

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => i - 2.5f)];

    private static float Bits(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    /// <summary>Both signs of every exponent with fractions around each rounding boundary, subnormals too.</summary>
    private static IEnumerable<float> Floats() =>
        from sign in new uint[] { 0, 0x8000_0000 }
        from exponent in Enumerable.Range(0, 255)
        from upper in new uint[] { 0, 1, 2, 3, 0x1FF, 0x200, 0x3FE, 0x3FF }
        from lower in new uint[] { 0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF }
        select Bits(sign | ((uint)exponent << 23) | (upper << 13) | lower);
}
