using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.Tests.Gateway;

public sealed class SettingsResolverTests
{
    private readonly ErrorList errors = new();

    [Fact]
    public void Defaults_fill_what_the_request_leaves_open()
    {
        var applied = Resolve(new JobSettings());

        Assert.Equal((17, 8, 30, 7.5, 99L, "standard"), (applied.NumFrames, applied.Fps, applied.Steps, applied.GuidanceScale, applied.Seed, applied.Preset));
    }

    [Fact]
    public void A_preset_lies_over_the_defaults_and_under_the_request()
    {
        Assert.Equal(8, Resolve(new JobSettings { Preset = "draft" }).Steps);
        Assert.Equal(12, Resolve(new JobSettings { Preset = "draft", Steps = 12 }).Steps);
    }

    [Fact]
    public void What_the_model_does_not_use_is_left_out_with_a_warning()
    {
        var resolver = new SettingsResolver(Submits.Model, errors);

        var applied = resolver.Resolve(new JobSettings { NegativePrompt = "blur", MotionAmount = 0.5 }, () => 1);

        Assert.Null(applied.NegativePrompt);
        Assert.Null(applied.MotionAmount);
        Assert.Equal(["negative_prompt", "motion_amount"], resolver.Warnings.Select(warning => warning.Field));
        Assert.False(errors.Any);
    }

    [Theory]
    [InlineData(0, "5 to 81", ErrorCode.InvalidInput)]
    [InlineData(1_000_000, "5 to 81", ErrorCode.InvalidInput)]
    [InlineData(16, "take 13 or 17", ErrorCode.FrameRule)]
    [InlineData(80, "take 77 or 81", ErrorCode.FrameRule)]
    [InlineData(6, "take 5 or 9", ErrorCode.FrameRule)]
    public void Frames_against_the_rule_are_refused_with_the_nearest_that_would_do(int frames, string says, string code)
    {
        Resolve(new JobSettings { NumFrames = frames });

        var error = Assert.Single(errors.Items);
        Assert.Equal(("/input/num_frames", code), (error.Pointer, error.Code));
        Assert.Contains(says, error.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(500, "take 496 or 504")]
    [InlineData(513, "take 512 or 520")]
    [InlineData(1023, "take 1016 or 1024")]
    public void A_given_side_is_never_rounded(int width, string says)
    {
        Resolve(new JobSettings { Width = width });

        Assert.Contains(says, Assert.Single(errors.Items).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_out_of_range_is_named()
    {
        Resolve(new JobSettings { Width = 32, Height = 4096, Fps = 0, Steps = 101, GuidanceScale = 0.5, MotionAmount = 2, Preset = "best" });

        Assert.Equal(
            ["/input/preset", "/input/width", "/input/height", "/input/fps", "/input/steps", "/input/guidance_scale", "/input/motion_amount"],
            errors.Items.Select(error => error.Pointer));
    }

    [Fact]
    public void A_floor_above_the_wanted_size_is_refused()
    {
        var resolver = new SettingsResolver(Submits.Model, errors);

        resolver.CheckFloors(new JobFit { MinWidth = 600, MinFrames = 5 }, new JobSettings { Width = 512, Height = 512, NumFrames = 17 });

        Assert.Equal("/fit/min_width", Assert.Single(errors.Items).Pointer);
    }

    [Theory]
    [InlineData(null, null, 4000, 3000, 512, 384, false)]
    [InlineData(null, null, 3000, 4000, 384, 512, false)]
    [InlineData(null, null, 100, 100, 512, 512, false)]
    [InlineData(null, null, 1920, 1080, 512, 288, false)]
    [InlineData(640, null, 4000, 3000, 640, 480, false)]
    [InlineData(null, 480, 4000, 3000, 640, 480, false)]
    [InlineData(640, 640, 4000, 3000, 640, 640, false)]
    [InlineData(null, null, 8000, 100, 512, 64, true)]
    [InlineData(null, 1024, 4000, 1000, 1024, 1024, true)]
    public void Open_sides_follow_the_photo(int? width, int? height, int photoWidth, int photoHeight, int wantWidth, int wantHeight, bool clamped)
    {
        var size = FilmSize.Derive(width, height, photoWidth, photoHeight, Submits.Model.Limits);

        Assert.Equal(new FilmSize(wantWidth, wantHeight, clamped), size);
    }

    [Fact]
    public void Sides_are_even_when_the_model_asks_for_an_odd_multiple()
    {
        var limits = Submits.Model.Limits with { SizeMultipleOf = 7 };

        var size = FilmSize.Derive(null, null, 1000, 707, limits);

        Assert.Equal(14, FilmSize.Multiple(limits));
        Assert.Equal((0, 0), (size.Width % 14, size.Height % 14));
    }

    private JobSettings Resolve(JobSettings requested) => new SettingsResolver(Submits.Model, errors).Resolve(requested, () => 99);
}
