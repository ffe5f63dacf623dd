using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Packages;

/// <summary>A tiny portable package in fp32, built once for the tests about its units and variants.</summary>
public sealed class UnitPackage : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private ModelPackage? package;

    internal ModelPackage Package => package!;

    internal ModelComponent Unet => Package.Manifest.Components["unet"];

    public async ValueTask InitializeAsync()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, 3);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = TensorElementType.Float, EightBit = true });
        await PackageWriter.WriteAsync(plan, folder.File("tiny"), progress: null, CancellationToken.None);
        package = ModelPackage.Open(folder.File("tiny"));
    }

    public ValueTask DisposeAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
