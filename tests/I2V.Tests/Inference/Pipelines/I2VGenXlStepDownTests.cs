using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>A run that does not fit goes on with techniques that need less.</summary>
public sealed class I2VGenXlStepDownTests(TinyI2VGenXl tiny)
{
    private static readonly Techniques Sliced = new() { FramesPerDecode = 1 };
    private static readonly Techniques Encoders = Sliced with { EncodersReleased = true };
    private static readonly Techniques Serial = Encoders with { SerialGuidance = true, DecoderReleased = true };
    private static readonly Techniques Denoiser = Serial with { DenoiserReleased = true };
    private static readonly Techniques Streamed = Denoiser with { Streamed = true };
    private static readonly Techniques[] Ladder = [Sliced, Encoders, Serial, Denoiser, Streamed, Streamed with { WindowFrames = 2 }];

    private readonly List<(GenerationPhase Phase, Techniques Tried)> asked = [];

    private GenerationRequest Request => TinyI2VGenXl.Request with { NumFrames = 4, StepDown = Next };

    [Fact]
    public async Task A_device_that_is_too_small_is_met_by_the_first_rung_that_fits_and_the_film_is_that_rung_s()
    {
        var package = await tiny.PackageAsync();
        var ends = new List<int>();
        foreach (var rung in Ladder.Prepend(Techniques.None))
        {
            // As much as this rung needs from its beginning to its end, and not a byte more.
            var roomy = new MeteredNetworks(package);
            using var measured = roomy.Pipeline();
            _ = Films.Pixels(measured, Request with { Techniques = rung });
            var tight = new MeteredNetworks(package, roomy.PeakBytes);
            using var pipeline = tight.Pipeline();
            asked.Clear();

            var film = Films.Pixels(pipeline, Request);

            var run = pipeline.LastRun!;
            Assert.Equal(asked.Count, run.StepsDown);
            Assert.Equal(tight.Events.Count(entry => entry.StartsWith("refuse", StringComparison.Ordinal)), run.StepsDown);
            Assert.True(tight.PeakBytes <= roomy.PeakBytes);
            Assert.True(Depth(run.Techniques) <= Depth(rung), $"{Depth(run.Techniques)} instead of {Depth(rung)}");
            var expected = Films.Pixels(measured, Request with { Techniques = run.Techniques });
            Assert.True(film.Zip(expected, (a, b) => Math.Abs(a - b)).Max() <= 1);
            ends.Add(Depth(run.Techniques));
        }

        Assert.Equal(ends.Order(), ends);
        Assert.True(ends.Distinct().Count() >= 4, string.Join(' ', ends));
    }

    [Theory]
    [InlineData("text_encoder", 1, GenerationPhase.Encoding)]
    [InlineData("image_encoder", 0, GenerationPhase.Encoding)]
    [InlineData("conditioning", 0, GenerationPhase.Denoising)]
    [InlineData("unet", 0, GenerationPhase.Denoising)]
    [InlineData("unet", 2, GenerationPhase.Denoising)]
    [InlineData("vae_decoder", 0, GenerationPhase.Decoding)]
    public async Task A_phase_that_is_refused_is_repeated_from_its_beginning_with_the_same_seed(string component, int before, GenerationPhase phase)
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync()) { Fault = (component, before) };
        using var pipeline = networks.Pipeline();
        var request = Request with { Sampler = "dpm++2m", StepDown = (at, tried) => Answer(at, tried, Denoiser) };
        var steps = new List<GenerationProgress>();

        var film = TinyI2VGenXl.Film(pipeline, request, new Listener(steps.Add));

        Assert.Equal([(phase, Techniques.None)], asked);
        Assert.Equal(Denoiser, pipeline.LastRun!.Techniques);
        Assert.Empty(networks.Loaded);
        using var other = await tiny.LoadAsync();
        var expected = TinyI2VGenXl.Film(other, request with { Techniques = phase == GenerationPhase.Decoding ? Sliced : Denoiser });
        Assert.Equal(Films.Pixels(expected), Films.Pixels(film));
        Assert.Equal(Enumerable.Range(1, 4), steps.Where(step => step.Phase == GenerationPhase.Decoding).Select(step => step.Step));
        Assert.Equal(3, steps.Last(step => step.Phase == GenerationPhase.Denoising).Step);
        if (phase == GenerationPhase.Denoising)
        {
            Assert.Equal([.. Enumerable.Range(1, before), 1, 2, 3], steps.Where(step => step.Phase == phase).Select(step => step.Step));
        }
    }

    [Fact]
    public async Task Decoding_goes_on_at_the_first_frame_that_was_not_handed_out()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync()) { Fault = ("vae_decoder", 2) };
        using var pipeline = networks.Pipeline();
        var request = Request with { Techniques = Sliced, StepDown = (at, tried) => Answer(at, tried, Denoiser) };

        var film = TinyI2VGenXl.Film(pipeline, request);

        Assert.Equal([(GenerationPhase.Decoding, Sliced)], asked);
        Assert.Equal(4, networks.Events.Count(entry => entry.StartsWith("run vae_decoder b=1", StringComparison.Ordinal)));
        Assert.Equal(2, networks.Events.Count(entry => entry.Contains("beside vae_decoder", StringComparison.Ordinal)));
        using var other = await tiny.LoadAsync();
        Assert.Equal(Films.Pixels(other, request with { StepDown = null }), Films.Pixels(film));
    }

    [Theory]
    [InlineData("image_encoder", GenerationPhase.Encoding)]
    [InlineData("unet", GenerationPhase.Denoising)]
    [InlineData("vae_decoder", GenerationPhase.Decoding)]
    public async Task A_network_that_is_refused_while_it_loads_is_its_phase_s_failure(string component, GenerationPhase phase)
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync()) { RefusedLoad = component };
        using var pipeline = networks.Pipeline();

        var film = Films.Pixels(pipeline, Request with { StepDown = (at, tried) => Answer(at, tried, Encoders) });

        Assert.Equal([(phase, Techniques.None)], asked);
        Assert.Contains($"refuse {component}", networks.Events);
        Assert.Equal(Films.Pixels(pipeline, Request with { Techniques = Encoders }), film);
    }

    [Fact]
    public async Task The_end_of_the_ladder_is_the_run_s_failure_and_the_pipeline_lives_on()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync(), limitBytes: 1000);
        using var pipeline = networks.Pipeline();

        var error = Assert.Throws<GenerationException>(() => Films.Pixels(pipeline, Request));

        Assert.Equal(GenerationError.OutOfDeviceMemory, error.Error);
        Assert.Equal([Techniques.None, .. Ladder], asked.Select(entry => entry.Tried));
        Assert.Empty(networks.Loaded);
        Assert.Equal(Ladder.Length, pipeline.LastRun!.StepsDown);
        networks.LimitBytes = long.MaxValue;
        Assert.NotEmpty(Films.Pixels(pipeline, Request));
    }

    [Fact]
    public async Task Without_a_ladder_or_with_the_same_answer_again_the_run_fails_at_once()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync(), limitBytes: 1000);
        using var pipeline = networks.Pipeline();

        Assert.Throws<GenerationException>(() => Films.Pixels(pipeline, Request with { StepDown = null }));
        Assert.Throws<GenerationException>(() => Films.Pixels(pipeline, Request with { StepDown = (at, tried) => Answer(at, tried, tried) }));
        Assert.Single(asked);
    }

    [Fact]
    public async Task Other_failures_are_not_met_with_less_memory()
    {
        var package = await tiny.PackageAsync();
        using var pipeline = new I2VGenXlPipeline(
            package, _ => throw new GenerationException(GenerationError.InferenceFailed, "broken"), new Tiling(), TimeProvider.System);

        var error = Assert.Throws<GenerationException>(() => Films.Pixels(pipeline, Request));

        Assert.Equal(GenerationError.InferenceFailed, error.Error);
        Assert.Empty(asked);
    }

    private static int Depth(Techniques techniques) => Array.IndexOf(Ladder, techniques);

    private Techniques? Next(GenerationPhase phase, Techniques tried) =>
        Answer(phase, tried, Ladder.ElementAtOrDefault(Depth(tried) + 1));

    private Techniques? Answer(GenerationPhase phase, Techniques tried, Techniques? answer)
    {
        asked.Add((phase, tried));
        return answer;
    }

    private sealed class Listener(Action<GenerationProgress> heard) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => heard(value);
    }
}
