using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Architectures;

/// <summary>Which operators a graph is written with.</summary>
public enum Target
{
    /// <summary>ONNX Runtime's own, channels last, for CUDA in half precision.</summary>
    Fused,

    /// <summary>Standard ones and MultiHeadAttention: processor, WebGPU and the rest.</summary>
    Portable,
}

/// <summary>A network written as a graph. Its weights are read only when the graph is written to a file.</summary>
/// <param name="Name">Of the component in the package, such as <c>vae_decoder</c>.</param>
/// <param name="Source">Folder of the checkpoint that its weights come from, such as <c>vae</c>.</param>
/// <param name="Graph">The graph.</param>
/// <param name="Weights">Checkpoint key → shape of everything that the graph reads.</param>
public sealed record BuiltNetwork(string Name, string Source, Graph Graph, IReadOnlyDictionary<string, long[]> Weights)
{
    /// <summary>Name → another way to write the same network.</summary>
    public IReadOnlyDictionary<string, NetworkVariant> Variants { get; init; } = new Dictionary<string, NetworkVariant>();
}

/// <param name="Graph">With the inputs and outputs of the network's own.</param>
/// <param name="OwnWeights">False when it reads the network's own weights file, whose layout it must then share.</param>
public sealed record NetworkVariant(Graph Graph, bool OwnWeights);
