using System.Security.Cryptography;

namespace I2V.ModelBuilder.Onnx;

/// <summary>Writes a graph as an ONNX model: IR version 8 and standard operators of opset 18, or 9 and 19 for graphs that need those.</summary>
public static class OnnxFile
{
    public const int IrVersion = 8;
    public const int Opset = 18;

    /// <summary>The first one whose DequantizeLinear makes half-precision numbers.</summary>
    public const int EightBitOpset = 19;

    private const string Producer = "i2v";

    /// <summary>The whole model as one file. It must have no weights outside.</summary>
    public static byte[] ToBytes(Graph graph) => Model(graph, weights: null);

    /// <summary>The model's file without the weights: they lie in a file named <paramref name="weightsName"/> beside it.</summary>
    public static byte[] ToBytes(Graph graph, string weightsName) => Model(graph, new WeightsLayout(graph, weightsName));

    /// <summary>Bytes of the weights file; 0 when the graph needs none. Reads no weight.</summary>
    public static long WeightBytes(Graph graph) => new WeightsLayout(graph, "").Length;

    /// <summary>As <see cref="WriteAsync"/>, for graphs of a few weights: the calling thread waits.</summary>
    /// <returns>Bytes of the weights file; 0 when there is none.</returns>
    public static long Write(Graph graph, string path) =>
        WriteAsync(graph, path, written: null, CancellationToken.None).GetAwaiter().GetResult().WeightBytes;

    /// <summary>
    /// Writes <paramref name="path"/>, and beside it one <c>.weights</c> file when the graph has any. Weights are read
    /// one after another, the next ones while one is written, so that little memory is enough for any size.
    /// </summary>
    /// <param name="written">Hears the bytes of the weights file that are written so far.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static async Task<WrittenModel> WriteAsync(Graph graph, string path, IProgress<long>? written, CancellationToken ct)
    {
        var layout = new WeightsLayout(graph, Path.GetFileName(Path.ChangeExtension(path, ".weights")));
        var model = Model(graph, layout);
        var weightsPath = layout.Length == 0 ? null : Path.Combine(Path.GetDirectoryName(path) ?? "", layout.Name);
        var weightsSha256 = weightsPath is null ? null : await WeightsFile.WriteAsync(weightsPath, layout, written, ct);
        await File.WriteAllBytesAsync(path, model, ct);
        return new WrittenModel(Convert.ToHexStringLower(SHA256.HashData(model)), weightsPath, layout.Length, weightsSha256);
    }

    /// <summary>The model's file, its weights in the places of a larger graph's.</summary>
    internal static byte[] ToBytes(Graph graph, WeightsLayout weights) => Model(graph, weights);

    // Field numbers below are those of onnx.proto.
    internal static void WriteGraph(ProtoWriter writer, Graph graph, WeightsLayout? weights)
    {
        foreach (var node in graph.Nodes)
        {
            writer.Message(1, message => WriteNode(message, node));
        }

        writer.String(2, graph.Name);
        foreach (var initializer in graph.Initializers)
        {
            writer.Message(5, message => WriteTensor(message, initializer, weights));
        }

        foreach (var (value, shape) in graph.Inputs)
        {
            writer.Message(11, message => WriteValueInfo(message, value, shape));
        }

        foreach (var (value, shape) in graph.Outputs)
        {
            writer.Message(12, message => WriteValueInfo(message, value, shape));
        }
    }

    private static byte[] Model(Graph graph, WeightsLayout? weights)
    {
        var writer = new ProtoWriter();
        writer.Int64(1, graph.Opset >= EightBitOpset ? IrVersion + 1 : IrVersion);
        writer.String(2, Producer);
        writer.Message(7, message => WriteGraph(message, graph, weights));
        writer.Message(8, message =>
        {
            message.String(1, "");
            message.Int64(2, graph.Opset);
        });
        if (graph.Nodes.Exists(node => node.Domain == Node.MicrosoftDomain))
        {
            writer.Message(8, message =>
            {
                message.String(1, Node.MicrosoftDomain);
                message.Int64(2, 1);
            });
        }

        return writer.ToArray();
    }

    private static void WriteNode(ProtoWriter writer, Node node)
    {
        Array.ForEach(node.Inputs, input => writer.String(1, input.Name));
        Array.ForEach(node.Outputs, output => writer.String(2, output.Name));
        writer.String(3, $"{node.OpType}:{node.Outputs.First(output => output.Name.Length > 0).Name}");
        writer.String(4, node.OpType);
        Array.ForEach(node.Attributes, attribute => writer.Message(5, attribute.Write));
        if (node.Domain.Length > 0)
        {
            writer.String(7, node.Domain);
        }
    }

    private static void WriteTensor(ProtoWriter writer, Initializer initializer, WeightsLayout? weights)
    {
        Array.ForEach(initializer.Shape, dimension => writer.Int64(1, dimension));
        writer.Int64(2, (long)initializer.Value.Type);
        writer.String(8, initializer.Value.Name);
        if (initializer.Read is null)
        {
            writer.Bytes(9, initializer.Data);
            return;
        }

        if (weights is null)
        {
            throw new InvalidOperationException($"{initializer.Value.Name} lies outside the graph: write the model to a file, and keep such weights out of subgraphs.");
        }

        var place = weights.PlaceOf(initializer);
        WriteEntry(writer, 13, "location", weights.Name);
        WriteEntry(writer, 13, "offset", $"{place.Offset}");
        WriteEntry(writer, 13, "length", $"{place.Length}");
        writer.Int64(14, 1);
    }

    /// <param name="shape">Null for a tensor of unknown rank.</param>
    private static void WriteValueInfo(ProtoWriter writer, Value value, Dim[]? shape)
    {
        writer.String(1, value.Name);
        writer.Message(2, type => type.Message(1, tensor =>
        {
            tensor.Int64(1, (long)value.Type);
            if (shape is null)
            {
                return;
            }

            tensor.Message(2, dimensions => Array.ForEach(shape, dim => dimensions.Message(1, dimension =>
            {
                if (dim == Dim.Any)
                {
                    return;
                }

                if (dim.Symbol is null)
                {
                    dimension.Int64(1, dim.Size);
                }
                else
                {
                    dimension.String(2, dim.Symbol);
                }
            })));
        }));
    }

    private static void WriteEntry(ProtoWriter writer, int field, string key, string value) => writer.Message(field, entry =>
    {
        entry.String(1, key);
        entry.String(2, value);
    });
}

/// <param name="Sha256">Of the graph's file.</param>
/// <param name="WeightsPath">The file beside it; null when there is none.</param>
/// <param name="WeightBytes">Its length.</param>
/// <param name="WeightsSha256">Its hash.</param>
public sealed record WrittenModel(string Sha256, string? WeightsPath, long WeightBytes, string? WeightsSha256);
