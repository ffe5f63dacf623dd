using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Tests.Inference.Pipelines;

public sealed class I2VGenXlTechniquesTests(TinyI2VGenXl tiny, LoadedI2VGenXl plain) : IClassFixture<LoadedI2VGenXl>
{
    private static readonly string[] Resident = ["conditioning", "image_encoder", "text_encoder", "unet", "vae_decoder", "vae_encoder"];

    private static readonly Techniques Released = new() { EncodersReleased = true, DecoderReleased = true, DenoiserReleased = true };

    private static GenerationRequest Request => TinyI2VGenXl.Request;

    /// <summary>Those that change neither a number nor the order of sums.</summary>
    public static TheoryData<Techniques> BitIdentical =>
    [
        new Techniques { ChunkedFeedForward = true },
        new Techniques { EncodersReleased = true },
        new Techniques { DecoderReleased = true },
        new Techniques { DenoiserReleased = true },
        Released,
        Released with { Streamed = true },
        new Techniques { WindowFrames = 3 },
        new Techniques { WindowFrames = 100 },
        new Techniques { Tiled = true }, // the whole picture is smaller than a tile
    ];

    [Theory]
    [MemberData(nameof(BitIdentical))]
    public async Task Techniques_that_move_weights_only_change_no_bit(Techniques techniques)
    {
        using var pipeline = new I2VGenXlPipeline(await tiny.PackageAsync(), new DeviceOptions(), techniques);

        Assert.Equal(Films.Pixels(plain.Pipeline, Request), Films.Pixels(pipeline, Request with { Techniques = techniques }));
        Assert.Equal(Latents(plain.Pipeline, Techniques.None), Latents(pipeline, techniques));
    }

    [Fact]
    public void Guidance_halves_one_after_the_other_are_those_of_the_batch()
    {
        var error = Films.RelativeError(Latents(plain.Pipeline, Techniques.None), Latents(plain.Pipeline, new Techniques { SerialGuidance = true }));

        Assert.InRange(error, 0, 1e-5);
    }

    [Fact]
    public void All_exact_techniques_together_make_the_plain_film()
    {
        var techniques = Released with { FramesPerDecode = 1, ChunkedFeedForward = true, SerialGuidance = true, Streamed = true };

        var film = TinyI2VGenXl.Film(plain.Pipeline, Request with { Techniques = techniques });

        var pairs = Films.Pixels(film).Zip(Films.Pixels(plain.Pipeline, Request)).ToList();
        Assert.True(pairs.Max(pair => Math.Abs(pair.First - pair.Second)) <= 1);
        Assert.True(pairs.Count(pair => pair.First != pair.Second) <= pairs.Count / 1000);
    }

    [Fact]
    public async Task Without_techniques_everything_is_loaded_once_and_stays()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();

        pipeline.Prepare(Techniques.None, TestContext.Current.CancellationToken);
        Assert.Equal(Resident, networks.Loaded.Order());
        _ = Films.Pixels(pipeline, Request);
        _ = Films.Pixels(pipeline, Request with { Prompt = "other" });

        Assert.Equal(Resident, networks.Loaded.Order());
        Assert.DoesNotContain(networks.Events, entry => entry.StartsWith("release", StringComparison.Ordinal));
        Assert.Equal(6, networks.Events.Count(entry => entry.StartsWith("load", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Released_encoders_come_one_at_a_time_only_when_needed_and_are_gone_before_the_first_step()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();
        var request = Request with { Steps = 1, Techniques = new Techniques { EncodersReleased = true } };

        pipeline.Prepare(request.Techniques, TestContext.Current.CancellationToken);
        Assert.Equal(["load unet", "load vae_decoder"], networks.Events);
        networks.Events.Clear();
        _ = Films.Pixels(pipeline, request);

        Assert.Equal(
            [
                "load text_encoder",
                "run text_encoder b=1 beside text_encoder unet vae_decoder",
                "run text_encoder b=1 beside text_encoder unet vae_decoder",
                "release text_encoder",
                "load image_encoder",
                "run image_encoder b=1 beside image_encoder unet vae_decoder",
                "release image_encoder",
                "load vae_encoder",
                "run vae_encoder b=1 beside unet vae_decoder vae_encoder",
                "release vae_encoder",
                "load conditioning",
                "run conditioning b=2 f=3 beside conditioning unet vae_decoder",
                "release conditioning",
                "run unet b=2 f=3 beside unet vae_decoder",
                "run vae_decoder b=3 beside unet vae_decoder",
            ],
            networks.Events);

        networks.Events.Clear();
        _ = Films.Pixels(pipeline, request with { Seed = 9 });
        Assert.Equal(["load conditioning", "run conditioning b=2 f=3 beside conditioning unet vae_decoder"], networks.Events.Take(2));
    }

    [Fact]
    public async Task A_released_denoiser_is_there_for_its_steps_only_and_nothing_stays()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();
        var techniques = Released with { SerialGuidance = true, FramesPerDecode = 2 };

        pipeline.Prepare(techniques, TestContext.Current.CancellationToken);
        Assert.Empty(networks.Events);
        _ = Films.Pixels(pipeline, Request with { Steps = 1, Techniques = techniques });

        Assert.Equal(
            [
                "run conditioning b=1 f=3 beside conditioning",
                "run conditioning b=1 f=3 beside conditioning",
                "release conditioning",
                "load unet",
                "run unet b=1 f=3 beside unet",
                "run unet b=1 f=3 beside unet",
                "release unet",
                "load vae_decoder",
                "run vae_decoder b=2 beside vae_decoder",
                "run vae_decoder b=1 beside vae_decoder",
                "release vae_decoder",
            ],
            networks.Events.SkipWhile(entry => entry != "load conditioning").Skip(1));
        Assert.Empty(networks.Loaded);
    }

    [Fact]
    public async Task Nothing_stays_of_a_film_that_is_left_or_cancelled()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();
        var request = Request with { Techniques = Released };
        using var cancel = new CancellationTokenSource();

        _ = pipeline.Generate(request, null, TestContext.Current.CancellationToken).First();
        Assert.Empty(networks.Loaded);

        var progress = new Cancelling(cancel);
        Assert.ThrowsAny<OperationCanceledException>(() => pipeline.Generate(request, progress, cancel.Token).Count());
        Assert.Empty(networks.Loaded);
    }

    [Fact]
    public async Task Another_rung_takes_what_it_does_not_keep_off_the_device_first()
    {
        var networks = new MeteredNetworks(await tiny.PackageAsync());
        using var pipeline = networks.Pipeline();

        pipeline.Prepare(Techniques.None, TestContext.Current.CancellationToken);
        _ = Films.Pixels(pipeline, Request with { Techniques = Released });
        Assert.Empty(networks.Loaded);

        pipeline.WarmUp(new Techniques { EncodersReleased = true }, TestContext.Current.CancellationToken);
        Assert.Equal(["unet", "vae_decoder"], networks.Loaded.Order());
    }

    [Fact]
    public async Task Each_rung_needs_less_than_the_one_above()
    {
        var package = await tiny.PackageAsync();
        Techniques[] ladder =
        [
            Techniques.None,
            new() { FramesPerDecode = 1 },
            new() { FramesPerDecode = 1, EncodersReleased = true },
            new() { FramesPerDecode = 1, EncodersReleased = true, SerialGuidance = true, DecoderReleased = true },
            Released with { FramesPerDecode = 1, SerialGuidance = true },
            Released with { FramesPerDecode = 1, SerialGuidance = true, Streamed = true, WindowFrames = 1 },
        ];
        var needs = ladder.Select(techniques =>
        {
            var networks = new MeteredNetworks(package);
            using var pipeline = networks.Pipeline();
            pipeline.Prepare(techniques, TestContext.Current.CancellationToken);
            _ = Films.Pixels(pipeline, Request with { Steps = 1, NumFrames = 6, Techniques = techniques });
            return networks.PeakBytes;
        }).ToList();

        Assert.All(needs.Zip(needs.Skip(1)), pair => Assert.True(pair.Second < pair.First, string.Join(" > ", needs)));
    }

    [Theory]
    [InlineData(false, false, false, "load unet whole")]
    [InlineData(true, false, false, "load unet")]
    [InlineData(false, true, false, "load unet int8")]
    [InlineData(true, true, false, "load unet int8")]
    [InlineData(false, false, true, "load unet streamed")]
    [InlineData(true, false, true, "load unet streamed")]
    public async Task The_denoiser_is_loaded_as_techniques_say(bool chunked, bool eightBit, bool streamed, string expected)
    {
        using var folder = new TemporaryFolder();
        var package = await WithVariantsAsync(folder);
        var networks = new MeteredNetworks(package);
        using var pipeline = networks.Pipeline();

        pipeline.Prepare(
            new Techniques { EncodersReleased = true, ChunkedFeedForward = chunked, EightBit = eightBit, Streamed = streamed }, TestContext.Current.CancellationToken);

        Assert.Equal([expected, "load vae_decoder"], networks.Events);
    }

    [Fact]
    public async Task What_a_package_was_built_without_is_refused_before_anything_runs()
    {
        var package = await tiny.PackageAsync();
        var networks = new MeteredNetworks(package);
        using var pipeline = networks.Pipeline();

        Assert.Contains("8-bit weights", Refusal(pipeline, new Techniques { EightBit = true }), StringComparison.Ordinal);
        Assert.Contains("must be 0 or more", Refusal(pipeline, new Techniques { WindowFrames = -1 }), StringComparison.Ordinal);

        using var folder = new TemporaryFolder();
        var whole = await Changed(folder, unet => unet with { Units = null });
        using var unstreamed = new MeteredNetworks(whole).Pipeline();
        Assert.Contains("in units", Refusal(unstreamed, new Techniques { Streamed = true }), StringComparison.Ordinal);
        Assert.Empty(networks.Events);
    }

    [Fact]
    public async Task A_film_that_a_graph_does_not_take_at_once_is_refused_and_made_in_halves()
    {
        using var folder = new TemporaryFolder();
        var half = Request.Width / 8 * (Request.Height / 8) * Request.NumFrames;
        var small = await Changed(folder, unet => unet with { MaxVoxels = half });
        using var pipeline = new MeteredNetworks(small).Pipeline();

        Assert.Contains($"takes {half} latent voxels at once, but the film has {2 * half}", Refusal(pipeline, Techniques.None), StringComparison.Ordinal);
        Assert.Equal(Request.NumFrames, TinyI2VGenXl.Film(pipeline, Request with { Techniques = new Techniques { SerialGuidance = true } }).Count);
    }

    private static string Refusal(I2VGenXlPipeline pipeline, Techniques techniques)
    {
        var error = Assert.Throws<GenerationException>(() => pipeline.Generate(Request with { Techniques = techniques }, null, TestContext.Current.CancellationToken));
        Assert.Equal(GenerationError.InvalidSettings, error.Error);
        return error.Message;
    }

    private static float[] Latents(IVideoPipeline pipeline, Techniques techniques) =>
        ((I2VGenXlPipeline)pipeline).Latents(Request with { Techniques = techniques }, TestContext.Current.CancellationToken);

    /// <summary>Variants that are the same graph under other names: which one is taken is what matters here.</summary>
    private static Task<ModelPackage> WithVariantsAsync(TemporaryFolder folder) => Changed(folder, unet =>
    {
        var same = new ComponentVariant(unet.Graph, unet.WeightBytes) { Inputs = unet.Inputs };
        return unet with { Variants = new Dictionary<string, ComponentVariant> { ["whole"] = same, ["int8"] = same } };
    });

    private static async Task<ModelPackage> Changed(TemporaryFolder folder, Func<ModelComponent, ModelComponent> change)
    {
        var built = await TinyI2VGenXl.BuildAsync(folder.File("changed"), checkpoint => checkpoint);
        var components = built.Manifest.Components.ToDictionary(pair => pair.Key, pair => pair.Key == "unet" ? change(pair.Value) : pair.Value);
        await File.WriteAllBytesAsync(
            Path.Combine(built.Folder, ModelManifestJson.FileName),
            ModelManifestJson.Write(built.Manifest with { Components = components }),
            TestContext.Current.CancellationToken);
        return ModelPackage.Open(built.Folder);
    }

    private sealed class Cancelling(CancellationTokenSource cancel) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            if (value.Phase == GenerationPhase.Denoising)
            {
                cancel.Cancel();
            }
        }
    }
}
