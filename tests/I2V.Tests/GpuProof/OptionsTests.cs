using I2V.GpuProof;

namespace I2V.Tests.GpuProof;

public sealed class OptionsTests
{
    [Fact]
    public void Lists_are_parted_by_commas()
    {
        var options = Options.Parse(["--gb", "24,12,0.5", "--sizes", "512x512x16,704x1280x16", "--rungs", "sliced,streamed", "--ways", "own graph,int8"]);

        Assert.Equal([24, 12, 0.5], options.CardsGb);
        Assert.Equal([new FilmSize(512, 512, 16), new FilmSize(704, 1280, 16)], options.Sizes);
        Assert.Equal(["sliced", "streamed"], options.Rungs);
        Assert.True(options.Takes("int8"));
        Assert.False(options.Takes("whole"));
    }

    [Fact]
    public void What_is_said_later_counts() =>
        Assert.Equal([8], Options.Parse(["--gb", "24,12", "--steps", "3", "--gb", "8"]).CardsGb);

    [Fact]
    public void Without_options_everything_is_measured_and_ends_within_four_minutes()
    {
        var options = Options.Parse([]);

        Assert.True(options.Takes("whole"));
        Assert.Empty(options.Rungs);
        Assert.Null(options.SqueezeToBytes);
        Assert.Equal((240, 3), (options.LimitSeconds, options.Sizes.Count));
    }

    [Theory]
    [InlineData("--steps has no value", "--steps")]
    [InlineData("--frames is not an option", "--frames", "3")]
    public void An_option_that_is_not_known_or_has_no_value_is_refused(string reason, params string[] arguments) =>
        Assert.Contains(reason, Assert.Throws<ArgumentException>(() => Options.Parse(arguments)).Message, StringComparison.Ordinal);
}
