using I2V.Inference.Native;
using I2V.IntegrationTests.Servers;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;

namespace I2V.IntegrationTests.Worker;

/// <summary>A package of I2VGen-XL with random weights, as narrow as the architecture allows: built once for all tests, in a second.</summary>
internal static class TinyPackage
{
    private static readonly Lazy<Task<string>> Built = new(BuildAsync);

    public static Task<string> GetAsync() => Built.Value;

    private static async Task<string> BuildAsync()
    {
        var folder = Path.Combine(TestFolder.Create("package"), "i2vgen-xl");
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = TensorElementType.Float });
        await PackageWriter.WriteAsync(plan, folder, progress: null, CancellationToken.None);
        return folder;
    }
}
