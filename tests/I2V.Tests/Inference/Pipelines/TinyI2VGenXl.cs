using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference.Pipelines;

[assembly: AssemblyFixture(typeof(TinyI2VGenXl))]

namespace I2V.Tests.Inference.Pipelines;

/// <summary>The smallest I2VGen-XL package, with random weights; built when a test first asks for it, once for all tests.</summary>
public sealed class TinyI2VGenXl : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Lazy<Task<ModelPackage>> package;

    public TinyI2VGenXl() => package = new(() => BuildAsync(folder.File("tiny"), checkpoint => checkpoint));

    internal Task<ModelPackage> PackageAsync() => package.Value;

    internal async Task<IVideoPipeline> LoadAsync() => PipelineLoader.Load(await PackageAsync(), new DeviceOptions());

    /// <summary>A package of another checkpoint, in the test's own folder.</summary>
    internal static async Task<ModelPackage> BuildAsync(string path, Func<I2VGenXlCheckpoint, I2VGenXlCheckpoint> change)
    {
        using var checkpoint = change(I2VGenXlCheckpoints.Random(RandomSize.Tiny, seed: 0));
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = TensorElementType.Float });
        await PackageWriter.WriteAsync(plan, path, progress: null, CancellationToken.None);
        return ModelPackage.Open(path);
    }

    internal static GenerationRequest Request { get; } = new()
    {
        Image = PhotoSamples.Noise(90, 70),
        Prompt = "a cat walks",
        NegativePrompt = "blurry",
        Width = 64,
        Height = 64,
        NumFrames = 3,
        Fps = 8,
        Steps = 3,
        GuidanceScale = 9,
        Seed = 7,
    };

    internal static List<RgbImage> Film(IVideoPipeline pipeline, GenerationRequest request, IProgress<GenerationProgress>? progress = null) =>
        [.. pipeline.Generate(request, progress, TestContext.Current.CancellationToken)];

    public void Dispose() => folder.Dispose();
}

/// <summary>The package loaded once for a class of tests, which use it one after the other.</summary>
public sealed class LoadedI2VGenXl(TinyI2VGenXl tiny) : IAsyncLifetime
{
    private IVideoPipeline? pipeline;

    internal IVideoPipeline Pipeline => pipeline!;

    public async ValueTask InitializeAsync() => pipeline = await tiny.LoadAsync();

    public ValueTask DisposeAsync()
    {
        pipeline?.Dispose();
        return ValueTask.CompletedTask;
    }
}
