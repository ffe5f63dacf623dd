using I2V.GpuProof;

namespace I2V.Tests.GpuProof;

public sealed class ErrorsTests
{
    [Fact]
    public void A_relative_error_is_the_length_of_the_difference_by_that_of_what_was_expected() =>
        Assert.Equal(0.5, Errors.Relative([3, 4 + 2.5f], [3, 4]), 6);

    [Fact]
    public void What_is_not_finite_is_infinitely_wrong() =>
        Assert.Equal(double.PositiveInfinity, Errors.Relative([float.NaN, 1], [1, 1]));

    [Fact]
    public void A_tenth_of_the_range_everywhere_is_20_dB()
    {
        Assert.Equal(20, Errors.Psnr([0.1f, -0.3f], [0.3f, -0.1f], range: 2), 4);
        Assert.Equal(20, Errors.Psnr([100, 200], (ReadOnlySpan<byte>)[100 + 25, 200 - 26]), 1);
    }

    [Fact]
    public void What_is_equal_has_no_number_in_JSON()
    {
        Assert.Null(Errors.Finite(Errors.Psnr([1, 2], (ReadOnlySpan<byte>)[1, 2])));
        Assert.Equal(46.5, Errors.Finite(46.5));
    }
}
