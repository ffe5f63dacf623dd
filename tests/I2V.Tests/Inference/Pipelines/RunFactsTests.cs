using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Pipelines;

public sealed class RunFactsTests(TinyI2VGenXl tiny)
{
    private static GenerationRequest Request => TinyI2VGenXl.Request;

    [Fact]
    public async Task A_run_says_what_it_took_from_caches_and_what_it_had_to_make()
    {
        using var pipeline = await tiny.LoadAsync();
        Assert.Null(pipeline.LastRun);

        _ = Films.Pixels(pipeline, Request);
        Assert.Equal((new CacheUse(0, 2), new CacheUse(0, 1), new CacheUse(0, 1)), Caches(pipeline));

        _ = Films.Pixels(pipeline, Request with { Prompt = "new", Height = 128 });
        Assert.Equal((new CacheUse(1, 1), new CacheUse(1, 0), new CacheUse(0, 1)), Caches(pipeline));

        _ = Films.Pixels(pipeline, Request with { GuidanceScale = 1 });
        Assert.Equal((new CacheUse(1, 0), new CacheUse(1, 0), new CacheUse(1, 0)), Caches(pipeline));
    }

    [Fact]
    public async Task Phases_and_loads_are_measured_and_waiting_for_who_takes_the_frames_is_not()
    {
        var package = await tiny.PackageAsync();
        var clock = new SteppingClock();
        var networks = new MeteredNetworks(package);
        using var pipeline = new I2VGenXlPipeline(package, networks.Load, new Tiling(), clock);
        var request = Request with { Techniques = new Techniques { FramesPerDecode = 1, DecoderReleased = true, DenoiserReleased = true } };

        foreach (var _ in pipeline.Generate(request, progress: null, TestContext.Current.CancellationToken))
        {
            clock.Pass(TimeSpan.FromHours(1));
        }

        // Each look at the clock is a second: encoding loads three networks, denoising two, and decoding one.
        var run = pipeline.LastRun!;
        Assert.Equal(request.Techniques, run.Techniques);
        Assert.Equal(6, run.LoadSeconds);
        Assert.Equal(7, run.PhaseSeconds[GenerationPhase.Encoding]);
        Assert.Equal(5, run.PhaseSeconds[GenerationPhase.Denoising]);
        Assert.Equal(3 + 2, run.PhaseSeconds[GenerationPhase.Decoding]);
        Assert.Equal(0, run.StepsDown);
    }

    [Fact]
    public async Task A_run_that_fails_tells_how_far_it_came()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync()) { Fault = ("unet", 1) };
        using var pipeline = networks.Pipeline();

        Assert.Throws<GenerationException>(() => Films.Pixels(pipeline, Request));

        Assert.Equal([GenerationPhase.Encoding, GenerationPhase.Denoising], pipeline.LastRun!.PhaseSeconds.Keys.Order());
        Assert.Equal(new CacheUse(0, 2), pipeline.LastRun.Prompts);
    }

    private static (CacheUse, CacheUse, CacheUse) Caches(IVideoPipeline pipeline) =>
        (pipeline.LastRun!.Prompts, pipeline.LastRun.Images, pipeline.LastRun.Latents);

    /// <summary>A second passes whenever somebody looks.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => now += time.Ticks;

        public override long GetTimestamp() => now += TimeSpan.TicksPerSecond;
    }
}
