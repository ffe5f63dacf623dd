using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference;

namespace I2V.Tests.Parity;

/// <summary>Tests that run on one <see cref="TinyPackage"/>, one after the other.</summary>
[CollectionDefinition]
public sealed class TinyPackageTests : ICollectionFixture<TinyPackage>;

/// <summary>The package that <c>i2v models build i2vgen-xl --random-weights SEED --tiny</c> writes, with the reference's seed, in fp32 for the processor.</summary>
public sealed class TinyPackage : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, Network> networks = [];
    private ModelPackage? package;
    private I2VGenXlPipeline? pipeline;

    internal I2VGenXlPipeline Pipeline => pipeline ??= new I2VGenXlPipeline(package!, new DeviceOptions());

    /// <summary>Writes a package into a folder and opens it.</summary>
    internal static async Task<ModelPackage> WriteAsync(string folder, TensorElementType precision)
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, Fixtures.Configs.GetProperty("weight_seed").GetUInt64());
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = precision });
        await PackageWriter.WriteAsync(plan, folder, progress: null, CancellationToken.None);
        return ModelPackage.Open(folder);
    }

    public async ValueTask InitializeAsync() => package = await WriteAsync(folder.File("tiny"), TensorElementType.Float);

    public ValueTask DisposeAsync()
    {
        pipeline?.Dispose();
        foreach (var network in networks.Values)
        {
            network.Dispose();
        }

        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>A network of the package, loaded when it is first asked for.</summary>
    internal Network Load(string component)
    {
        if (!networks.TryGetValue(component, out var network))
        {
            networks[component] = network = Network.Load(package!, component, new DeviceOptions());
        }

        return network;
    }
}
