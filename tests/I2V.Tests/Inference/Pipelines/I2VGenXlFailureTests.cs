using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.Inference.Pipelines;

public sealed class I2VGenXlFailureTests(LoadedI2VGenXl loaded) : IClassFixture<LoadedI2VGenXl>
{
    private static GenerationRequest Request => TinyI2VGenXl.Request;

    [Fact]
    public void What_the_model_cannot_make_is_refused_with_what_it_can()
    {
        var pipeline = loaded.Pipeline;

        Assert.Contains("width is 100, but must be a multiple of 64: take 64 or 128", Refusal(pipeline, Request with { Width = 100 }), StringComparison.Ordinal);
        Assert.Contains("height is 32, but must be 64 to 2048", Refusal(pipeline, Request with { Height = 32 }), StringComparison.Ordinal);
        Assert.Contains("num_frames is 33, but must be 1 to 32", Refusal(pipeline, Request with { NumFrames = 33 }), StringComparison.Ordinal);
        Assert.Contains("steps is 1000, but must be 1 to 999", Refusal(pipeline, Request with { Steps = 1000 }), StringComparison.Ordinal);
        Assert.Contains("guidance_scale is 0.5, but must be 1 to 30", Refusal(pipeline, Request with { GuidanceScale = 0.5 }), StringComparison.Ordinal);
        Assert.Contains("sampler is euler, but must be ddim or dpm++2m", Refusal(pipeline, Request with { Sampler = "euler" }), StringComparison.Ordinal);
        Assert.Contains("eta is 2, but must be 0 to 1", Refusal(pipeline, Request with { Eta = 2 }), StringComparison.Ordinal);
        Assert.Contains("take fewer steps", Refusal(pipeline, Request with { Steps = 999, Sampler = "dpm++2m" }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_run_ends_within_a_step_and_the_pipeline_goes_on()
    {
        var pipeline = loaded.Pipeline;
        var before = TinyI2VGenXl.Film(pipeline, Request);
        using var cancel = new CancellationTokenSource();
        var last = 0;
        var listener = new Listener(value =>
        {
            if (value is { Phase: GenerationPhase.Denoising, Step: 2 })
            {
                cancel.Cancel();
            }

            last = value.Phase == GenerationPhase.Denoising ? value.Step : last;
        });

        Assert.ThrowsAny<OperationCanceledException>(() => pipeline.Generate(Request with { Steps = 500 }, listener, cancel.Token).Count());

        Assert.Equal(2, last);
        Assert.Equal(before.Select(frame => frame.Pixels), TinyI2VGenXl.Film(pipeline, Request).Select(frame => frame.Pixels));
    }

    [Fact]
    public void A_film_that_nobody_takes_to_its_end_leaves_the_pipeline_whole()
    {
        var pipeline = loaded.Pipeline;
        var whole = TinyI2VGenXl.Film(pipeline, Request);

        var first = pipeline.Generate(Request, null, TestContext.Current.CancellationToken).First();

        Assert.Equal(whole[0].Pixels, first.Pixels);
        Assert.Equal(whole.Select(frame => frame.Pixels), TinyI2VGenXl.Film(pipeline, Request).Select(frame => frame.Pixels));
    }

    [Theory]
    [InlineData("text_encoder", "", "While encoding, a prompt's embedding")]
    [InlineData("image_encoder", "", "While encoding, the picture's embedding")]
    [InlineData("vae", "encoder.", "While encoding, the picture's latents")]
    [InlineData("unet", "conv_in", "While denoising, step 1 of 3")]
    [InlineData("vae", "decoder.", "While decoding, frame 1")]
    public async Task Numbers_that_are_lost_end_the_run_with_the_phase_s_name(string source, string keys, string phase)
    {
        using var folder = new TemporaryFolder();
        var package = await TinyI2VGenXl.BuildAsync(folder.File("broken"), checkpoint => checkpoint with
        {
            Weights = checkpoint.Weights.ToDictionary(pair => pair.Key, pair => pair.Key == source ? new Huge(pair.Value, keys) : pair.Value),
        });
        using var pipeline = PipelineLoader.Load(package, new DeviceOptions());

        var error = Assert.Throws<GenerationException>(() => TinyI2VGenXl.Film(pipeline, Request));

        Assert.Equal(GenerationError.InferenceFailed, error.Error);
        Assert.Contains(phase + " came out as ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_without_what_the_family_needs_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        var whole = await TinyI2VGenXl.BuildAsync(folder.File("changed"), checkpoint => checkpoint);
        (Func<ModelManifest, ModelManifest> Change, string Message)[] cases =
        [
            (manifest => manifest with { Scheduler = null }, "no scheduler"),
            (manifest => manifest with { Latent = null }, "no latent"),
            (manifest => manifest with { ImageEncoder = null }, "no image_encoder"),
            (manifest => manifest with { Tokenizers = null }, "tokenizer of the kind clip"),
            (manifest => manifest with { Scheduler = manifest.Scheduler! with { BetaSchedule = "magic" } }, "beta_schedule is magic"),
            (manifest => manifest with { Scheduler = manifest.Scheduler! with { TimestepSpacing = "magic" } }, "timestep_spacing is magic"),
            (manifest => manifest with { Tokenizers = [manifest.Tokenizers![0] with { Vocabulary = "../vocab.json" }] }, "names ../vocab.json"),
            (manifest => manifest with { Tokenizers = [manifest.Tokenizers![0] with { Merges = "LICENSE" }] }, "cannot be used: the merge"),
            (manifest => manifest with { Components = manifest.Components.Where(pair => pair.Key != "unet").ToDictionary() }, "components has no unet"),
        ];
        foreach (var (change, message) in cases)
        {
            await File.WriteAllBytesAsync(
                Path.Combine(whole.Folder, ModelManifestJson.FileName), ModelManifestJson.Write(change(whole.Manifest)), TestContext.Current.CancellationToken);
            var error = Assert.Throws<GenerationException>(() => PipelineLoader.Load(ModelPackage.Open(whole.Folder), new DeviceOptions()).Dispose());
            Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
        }
    }

    private static string Refusal(IVideoPipeline pipeline, GenerationRequest request)
    {
        var error = Assert.Throws<GenerationException>(() => TinyI2VGenXl.Film(pipeline, request));
        Assert.Equal(GenerationError.InvalidSettings, error.Error);
        return error.Message;
    }

    private sealed class Listener(Action<GenerationProgress> heard) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => heard(value);
    }

    /// <summary>Finite, but so large wherever the key begins so that sums are not.</summary>
    private sealed class Huge(IWeightSource whole, string prefix) : IWeightSource
    {
        public IReadOnlyDictionary<string, long[]>? Tensors => whole.Tensors;

        public void Read(string key, ReadOnlySpan<long> shape, Span<float> into)
        {
            whole.Read(key, shape, into);
            if (key.StartsWith(prefix, StringComparison.Ordinal))
            {
                into.Fill(1e38f);
            }
        }
    }
}
