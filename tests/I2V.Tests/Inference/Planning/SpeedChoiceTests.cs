using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Planning;

public sealed class SpeedChoiceTests
{
    [Theory]
    [InlineData(null, 35)]
    [InlineData("draft", 25)]
    [InlineData("final", 50)]
    public void Exact_takes_the_presets_steps_and_the_models_sampler(string? preset, int steps) =>
        Assert.Equal(new SpeedChoice(steps, "ddim"), SpeedChoice.Of(PlanSamples.I2VGenXl, preset, steps: null));

    [Theory]
    [InlineData(null, 21)]
    [InlineData("draft", 20)]
    [InlineData("final", 25)]
    public void Fast_takes_fewer_steps_of_the_better_sampler(string? preset, int steps) =>
        Assert.Equal(new SpeedChoice(steps, "dpm++2m"), SpeedChoice.Of(PlanSamples.I2VGenXl, preset, steps: null, SpeedChoice.Fast));

    [Fact]
    public void What_the_user_said_holds_at_either_speed()
    {
        Assert.Equal(new SpeedChoice(42, "ddim"), SpeedChoice.Of(PlanSamples.I2VGenXl, "draft", steps: 42));
        Assert.Equal(new SpeedChoice(42, "dpm++2m"), SpeedChoice.Of(PlanSamples.I2VGenXl, "draft", steps: 42, SpeedChoice.Fast));
        Assert.Equal(new SpeedChoice(21, "ddim"), SpeedChoice.Of(PlanSamples.I2VGenXl, preset: null, steps: null, SpeedChoice.Fast, sampler: "ddim"));
    }

    [Fact]
    public void Fast_never_takes_more_steps_than_the_preset()
    {
        var quick = PlanSamples.I2VGenXl with { Presets = new Dictionary<string, ModelPreset> { ["standard"] = new(8) } };

        Assert.Equal(8, SpeedChoice.Of(quick, preset: null, steps: null, SpeedChoice.Fast).Steps);
    }

    [Fact]
    public void A_model_without_steps_has_nothing_to_choose() =>
        Assert.Equal(new SpeedChoice(0, null), SpeedChoice.Of(PlanSamples.Motion, preset: null, steps: null, SpeedChoice.Fast));

    [Fact]
    public void What_does_not_exist_is_named_with_what_does()
    {
        var speed = Assert.Throws<ArgumentException>(() => SpeedChoice.Of(PlanSamples.I2VGenXl, preset: null, steps: null, "warp"));
        var preset = Assert.Throws<ArgumentException>(() => SpeedChoice.Of(PlanSamples.I2VGenXl, "rough", steps: null));

        Assert.StartsWith("speed is warp, but must be exact or fast.", speed.Message, StringComparison.Ordinal);
        Assert.StartsWith("preset is rough, but the model i2vgen-xl has draft, final, standard.", preset.Message, StringComparison.Ordinal);
    }
}
