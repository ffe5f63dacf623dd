using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.ModelBuilder;

namespace I2V.Tests.Inference;

/// <summary>The motion package, built and loaded once for a class of tests.</summary>
public sealed class MotionFixture : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public MotionFixture()
    {
        Package = ModelPackage.Open(MotionPackage.Build(folder.Path));
        Pipeline = PipelineLoader.Load(Package, new DeviceOptions());
    }

    internal ModelPackage Package { get; }

    internal IVideoPipeline Pipeline { get; }

    public void Dispose()
    {
        Pipeline.Dispose();
        folder.Dispose();
    }

    internal List<RgbImage> Film(
        RgbImage image, string prompt, int width = 128, int height = 96, int frames = 9, double amount = 0.5, long seed = 1) =>
        [.. Pipeline.Generate(Request(image, prompt, width, height, frames, amount, seed), progress: null, TestContext.Current.CancellationToken)];

    internal static GenerationRequest Request(
        RgbImage image, string prompt = "", int width = 128, int height = 96, int frames = 9, double amount = 0.5, long seed = 1) => new()
        {
            Image = image,
            Prompt = prompt,
            Width = width,
            Height = height,
            NumFrames = frames,
            Fps = 8,
            Seed = seed,
            MotionAmount = amount,
        };
}
