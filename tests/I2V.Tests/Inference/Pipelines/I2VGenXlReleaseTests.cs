using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>What is on the device together, and in which order networks come and go.</summary>
public sealed class I2VGenXlReleaseTests(TinyI2VGenXl tiny)
{
    private static readonly string[] Encoders = ["text_encoder", "image_encoder", "vae_encoder", "conditioning"];

    private static GenerationRequest First => TinyI2VGenXl.Request with { Steps = 1 };

    /// <summary>Nothing of it is known from the first.</summary>
    private static GenerationRequest Second => First with { Prompt = "a dog sleeps", NegativePrompt = "dark", Image = PhotoSamples.Noise(80, 80) };

    [Fact]
    public async Task A_released_decoder_is_there_for_its_frames_only_and_not_while_the_next_film_is_encoded()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();
        var techniques = new Techniques { EncodersReleased = true, SerialGuidance = true, DecoderReleased = true };

        pipeline.Prepare(techniques, TestContext.Current.CancellationToken);
        Assert.Equal(["load unet"], networks.Events);
        _ = Films.Pixels(pipeline, First with { Techniques = techniques });
        Assert.Equal(["unet"], networks.Loaded);
        networks.Events.Clear();
        _ = Films.Pixels(pipeline, Second with { Techniques = techniques });

        Assert.Equal(
            [
                "load text_encoder",
                "run text_encoder b=1 beside text_encoder unet",
                "run text_encoder b=1 beside text_encoder unet",
                "release text_encoder",
                "load image_encoder",
                "run image_encoder b=1 beside image_encoder unet",
                "release image_encoder",
                "load vae_encoder",
                "run vae_encoder b=1 beside unet vae_encoder",
                "release vae_encoder",
                "load conditioning",
                "run conditioning b=1 f=3 beside conditioning unet",
                "run conditioning b=1 f=3 beside conditioning unet",
                "release conditioning",
                "run unet b=1 f=3 beside unet",
                "run unet b=1 f=3 beside unet",
                "load vae_decoder",
                "run vae_decoder b=3 beside unet vae_decoder",
                "release vae_decoder",
            ],
            networks.Events);
    }

    [Fact]
    public async Task A_film_that_is_left_while_frames_come_takes_its_released_decoder_along()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();
        var request = First with { Techniques = new Techniques { FramesPerDecode = 1, DecoderReleased = true } };

        _ = pipeline.Generate(request, null, TestContext.Current.CancellationToken).First();

        Assert.Equal(["conditioning", "image_encoder", "text_encoder", "unet", "vae_encoder"], networks.Loaded.Order());
    }

    [Theory]
    [InlineData(Rung.EncodersReleased)]
    [InlineData(Rung.SerialGuidance)]
    [InlineData(Rung.DenoiserReleased)]
    [InlineData(Rung.Streamed)]
    public async Task On_rungs_that_release_encoders_each_is_loaded_runs_and_is_gone_before_anything_else_comes(string rung)
    {
        var package = await tiny.PackageAsync();
        var networks = new MeteredNetworks(package);
        using var pipeline = networks.Pipeline();
        var film = new PlanRequest(First.Width, First.Height, First.NumFrames, Steps: 1, Guided: true);
        var techniques = Ladder.Of(package.Manifest, film, "cuda").Single(step => step.Name == rung).Techniques;

        _ = Films.Pixels(pipeline, First with { Techniques = Techniques.None }); // everything is there when the rung begins
        networks.Events.Clear();
        _ = Films.Pixels(pipeline, Second with { Techniques = techniques });
        _ = Films.Pixels(pipeline, (First with { Prompt = "rain", NegativePrompt = "snow", Image = PhotoSamples.Noise(72, 88) }) with { Techniques = techniques });

        string? there = null;
        var came = new List<string>();
        foreach (var entry in networks.Events.SkipWhile(entry => entry.StartsWith("release", StringComparison.Ordinal)))
        {
            var (what, name) = (entry.Split(' ')[0], entry.Split(' ')[1]);
            Assert.Equal(what == "load" || !Encoders.Contains(name) ? null : name, there);
            if (Encoders.Contains(name))
            {
                there = what == "release" ? null : name;
                came.AddRange(what == "load" ? [name] : []);
            }
        }

        Assert.Null(there);
        Assert.Equal([.. Encoders, .. Encoders], came);
    }
}
