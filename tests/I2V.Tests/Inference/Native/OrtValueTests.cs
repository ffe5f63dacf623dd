using I2V.Inference.Native;

namespace I2V.Tests.Inference.Native;

public sealed class OrtValueTests
{
    [Fact]
    public void Float16_goes_in_and_out_as_Half()
    {
        using var narrow = new InferenceSession(TestGraphs.Cast(TensorElementType.Float, TensorElementType.Float16));
        using var wide = new InferenceSession(TestGraphs.Cast(TensorElementType.Float16, TensorElementType.Float));
        float[] values = [0, 1, -2.5f, 65504, 1e-7f, 0.1f, float.PositiveInfinity];
        using var floats = TestGraphs.Tensor(values);
        using var halves = TestGraphs.Tensor(Array.ConvertAll(values, value => (Half)value));

        Assert.Equal(Array.ConvertAll(values, value => (Half)value), narrow.Run<Half>(("x", floats)));
        Assert.Equal(Array.ConvertAll(values, value => (float)(Half)value), wide.Run<float>(("x", halves)));
    }

    [Fact]
    public void BFloat16_rounds_like_the_runtime()
    {
        using var narrow = new InferenceSession(TestGraphs.Cast(TensorElementType.Float, TensorElementType.BFloat16));
        using var wide = new InferenceSession(TestGraphs.Cast(TensorElementType.BFloat16, TensorElementType.Float));
        float[] values = [0, -0f, 1, 1.00390625f, 1.01171875f, -3.1415927f, 3.3895314e38f, float.MaxValue, 1e-40f, float.NegativeInfinity];
        using var floats = TestGraphs.Tensor(values);
        using var narrowed = TestGraphs.Tensor(Array.ConvertAll(values, value => (BFloat16)value));

        Assert.Equal(Array.ConvertAll(values, value => (BFloat16)value), narrow.Run<BFloat16>(("x", floats)));
        Assert.Equal(Array.ConvertAll(values, value => (float)(BFloat16)value), wide.Run<float>(("x", narrowed)));
        Assert.True(float.IsNaN((float)(BFloat16)float.NaN));
    }

    [Fact]
    public void Whole_numbers_and_bytes_go_in_and_out_unchanged()
    {
        RoundTrip<long>([long.MinValue, -1, 0, long.MaxValue], TensorElementType.Int64);
        RoundTrip<int>([int.MinValue, -1, 0, int.MaxValue], TensorElementType.Int32);
        RoundTrip<byte>([0, 1, 127, 255], TensorElementType.UInt8);
        RoundTrip<double>([Math.PI, double.MinValue], TensorElementType.Double);
        RoundTrip<bool>([true, false], TensorElementType.Bool);
    }

    [Fact]
    public void A_tensor_over_the_callers_memory_is_that_memory()
    {
        var memory = new float[] { 1, 2, 3, 4 };
        using var value = OrtValue.CreateTensorValueFromMemory(memory, [2, 2]);

        value.GetTensorMutableDataAsSpan<float>()[3] = 40;

        Assert.Equal(40, memory[3]);
        Assert.Equal([2, 2], value.GetTensorTypeAndShape().Shape);
        Assert.Equal(4, value.GetTensorTypeAndShape().ElementCount);
        Assert.Equal(16, value.SizeInBytes);
        Assert.True(value.IsOnCpu);
    }

    [Fact]
    public void A_shape_that_does_not_fit_the_memory_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => OrtValue.CreateTensorValueFromMemory(new float[5], [2, 3]));

        Assert.Contains("[2, 3] has 6 elements, but the memory holds 5", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Elements_are_never_read_as_another_type()
    {
        using var value = TestGraphs.Tensor<float>([1, 2]);

        Assert.Throws<InvalidOperationException>(() => value.GetTensorDataAsSpan<int>().Length);
        Assert.Throws<NotSupportedException>(() => TensorElementTypes.Of<char>());
    }

    [Fact]
    public void A_scalar_has_no_dimensions_and_an_empty_tensor_no_elements()
    {
        using var scalar = TestGraphs.Scalar(7L);
        using var empty = OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), [0, 3]);

        Assert.Empty(scalar.GetTensorTypeAndShape().Shape);
        Assert.Equal(7L, scalar.GetTensorDataAsSpan<long>()[0]);
        Assert.Equal(0, empty.GetTensorDataAsSpan<float>().Length);
    }

    private static void RoundTrip<T>(T[] values, TensorElementType type)
        where T : unmanaged
    {
        using var session = new InferenceSession(TestGraphs.Cast(type, type));
        using var x = TestGraphs.Tensor(values);

        Assert.Equal(type, session.InputMetadata["x"].ElementDataType);
        Assert.Equal(values, session.Run<T>(("x", x)));
    }
}
