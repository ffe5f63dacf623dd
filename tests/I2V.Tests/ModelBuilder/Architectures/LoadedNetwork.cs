using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Onnx;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Architectures;

/// <summary>A network of the builder's, written to a folder and loaded on the processor.</summary>
internal sealed class LoadedNetwork : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly InferenceSession session;
    private readonly DerivedInputs derived;

    public LoadedNetwork(BuiltNetwork network)
    {
        var path = Path.Combine(folder.Path, $"{network.Name}.onnx");
        WeightBytes = OnnxFile.Write(network.Graph, path);
        session = new InferenceSession(path);
        derived = new DerivedInputs(network.Graph.Described);
    }

    public long WeightBytes { get; }

    public TensorElementType OutputType(string name) => session.OutputMetadata[name].ElementDataType;

    public OrtValue Run((long B, long F, long H, long W) size, string output, params (string Name, OrtValue Value)[] inputs)
    {
        var all = inputs.ToDictionary(input => input.Name, input => input.Value);
        foreach (var (name, value) in derived.For(new Dictionary<string, long> { ["b"] = size.B, ["f"] = size.F, ["h"] = size.H, ["w"] = size.W }))
        {
            all[name] = value;
        }

        return session.Run(null, all, [output], TestContext.Current.CancellationToken)[0];
    }

    public void Dispose()
    {
        session.Dispose();
        derived.Dispose();
        folder.Dispose();
    }
}
