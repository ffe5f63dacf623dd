using I2V.Cli.Configuration;
using I2V.Cli.Render;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Media;
using I2V.Protocol.Jobs;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli;

public sealed class RenderSettingsTests(MotionFixture motion) : IClassFixture<MotionFixture>
{
    [Theory]
    [InlineData(900, 600, null, null, 512, 342)]
    [InlineData(600, 900, null, null, 342, 512)]
    [InlineData(900, 600, 300, null, 300, 200)]
    [InlineData(900, 600, null, 300, 450, 300)]
    [InlineData(900, 600, 128, 64, 128, 64)]
    [InlineData(33, 1000, null, null, 64, 512)]
    public void The_size_follows_the_gateways_rule(int photoWidth, int photoHeight, int? width, int? height, int filmWidth, int filmHeight)
    {
        var request = Resolve(photoWidth, photoHeight, new JobSettings { Width = width, Height = height });
        Assert.Equal((filmWidth, filmHeight), (request.Width, request.Height));
    }

    [Fact]
    public void What_is_left_open_is_the_models_default()
    {
        var request = Resolve(64, 64, new JobSettings());
        var defaults = motion.Package.Manifest.Defaults;
        Assert.Equal((defaults.NumFrames, defaults.Fps, defaults.MotionAmount), (request.NumFrames, request.Fps, request.MotionAmount));
        Assert.InRange(request.Seed, 0, (1L << 53) - 1);
    }

    [Fact]
    public void What_the_model_does_not_use_is_named() => Assert.Equal(
        ["negative_prompt", "steps"],
        RenderSettings.Unused(motion.Package.Manifest, new JobSettings { Prompt = "zoom", NegativePrompt = "blur", Steps = 5, MotionAmount = 1 }));

    [Theory]
    [InlineData(null, null, 35)]
    [InlineData("draft", null, 25)]
    [InlineData("final", 7, 7)]
    public void A_preset_chooses_the_steps_under_what_is_asked_for(string? preset, int? steps, int expected)
    {
        var request = RenderSettings.Resolve(Denoising(), new JobSettings { Preset = preset, Steps = steps }, Photo(64, 64), new Random(1));
        Assert.Equal(expected, request.Steps);
        Assert.DoesNotContain("preset", RenderSettings.Unused(Denoising(), new JobSettings { Preset = "draft" }));
        Assert.Equal(["preset"], RenderSettings.Unused(motion.Package.Manifest, new JobSettings { Preset = "draft" }));
    }

    [Fact]
    public void An_unknown_preset_is_refused_with_those_that_there_are()
    {
        var refusal = Assert.Throws<GenerationException>(() => RenderSettings.Resolve(Denoising(), new JobSettings { Preset = "best" }, Photo(64, 64), new Random(1)));
        Assert.Equal((GenerationError.InvalidSettings, "motion has no preset best; it has draft, standard, final."), (refusal.Error, refusal.Message));
    }

    [Fact]
    public void Policy_and_floors_are_the_plans_rules()
    {
        var asked = Resolve(512, 512, new JobSettings());

        Assert.Equal(FitRules.Default, RenderPlan.Rules(fit: null, asked));
        Assert.Equal(
            new FitRules(FitMode.Fail, 256, 128, 4),
            RenderPlan.Rules(new JobFit { Policy = FitPolicy.Fail, MinWidth = 256, MinHeight = 128, MinFrames = 4 }, asked));
    }

    [Fact]
    public void A_floor_above_the_film_is_refused()
    {
        var refusal = Assert.Throws<CliException>(() => RenderPlan.Rules(new JobFit { MinHeight = 513 }, Resolve(512, 512, new JobSettings())));

        Assert.Equal(("--min-height is 513, above the 512 that the film has; it must be at most 512.", ExitCode.Usage), (refusal.Message, refusal.ExitCode));
    }

    private ModelManifest Denoising() => motion.Package.Manifest with
    {
        Steps = new Range<int>(1, 999),
        Presets = new Dictionary<string, ModelPreset> { ["draft"] = new(25), ["standard"] = new(35), ["final"] = new(50) },
        Defaults = motion.Package.Manifest.Defaults with { Preset = "standard", Steps = 35 },
    };

    private static RgbImage Photo(int width, int height) => new(width, height, new byte[width * height * 3]);

    private GenerationRequest Resolve(int width, int height, JobSettings given) =>
        RenderSettings.Resolve(motion.Package.Manifest, given, Photo(width, height), new Random(1));
}
