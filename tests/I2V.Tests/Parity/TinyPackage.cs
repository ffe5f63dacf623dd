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

/// <summary>What <c>i2v models build i2vgen-xl --random-weights SEED --tiny</c> writes for the processor, with the reference's seed, in fp32.</summary>
public sealed class TinyPackage() : BuiltPackage(TensorElementType.Float);

/// <summary>The same in fp16.</summary>
public sealed class TinyHalfPackage() : BuiltPackage(TensorElementType.Float16);

/// <summary>A tiny package, built for the tests that share it and loaded as a worker loads it.</summary>
public abstract class BuiltPackage(TensorElementType precision) : IAsyncLifetime
{
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, Network> networks = [];
    private readonly Dictionary<string, IReadOnlyDictionary<string, float[]>> outputs = [];
    private ModelPackage? package;
    private I2VGenXlPipeline? pipeline;

    internal I2VGenXlPipeline Pipeline => pipeline ??= new I2VGenXlPipeline(package!, new DeviceOptions());

    public async ValueTask InitializeAsync()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, Fixtures.Configs.GetProperty("weight_seed").GetUInt64());
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = precision });
        await PackageWriter.WriteAsync(plan, folder.File("tiny"), progress: null, CancellationToken.None);
        package = ModelPackage.Open(folder.File("tiny"));
    }

    public ValueTask DisposeAsync()
    {
        pipeline?.Dispose();
        foreach (var network in networks.Values)
        {
            network.Dispose();
        }

        folder.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>What our networks make of a case, by output; each case runs once.</summary>
    internal IReadOnlyDictionary<string, float[]> Outputs(NetworkCase entry)
    {
        if (!outputs.TryGetValue(entry.Name, out var made))
        {
            outputs[entry.Name] = made = entry.Run(Load);
        }

        return made;
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
