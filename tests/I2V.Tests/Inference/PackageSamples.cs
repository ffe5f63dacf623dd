using System.Security.Cryptography;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Onnx;

namespace I2V.Tests.Inference;

/// <summary>A small package with one graph that takes its weights from a file beside it.</summary>
internal static class PackageSamples
{
    /// <returns>Opens what was written.</returns>
    public static Func<ModelPackage> Write(string folder, Func<ModelManifest, ModelManifest> change, byte[]? graph = null)
    {
        if (graph is null)
        {
            OnnxFile.Write(Graph(), Path.Combine(folder, "graph.onnx"));
        }
        else
        {
            File.WriteAllBytes(Path.Combine(folder, "graph.onnx"), graph);
        }

        File.WriteAllText(Path.Combine(folder, "LICENSE"), "Do what you like.\n");
        var manifest = new ModelManifest
        {
            Name = "sample",
            Family = "motion",
            Version = "1.0.0",
            Precision = "fp32",
            Components = new Dictionary<string, ModelComponent> { ["net"] = new("graph.onnx", "portable", 16) },
            Frames = new FrameLimits("any", 1, 8),
            Sizes = new SizeLimits(2, 64, 512, 256),
            Fps = new Range<int>(1, 30),
            UsedSettings = ["prompt"],
            Defaults = new ModelDefaults { NumFrames = 4, Fps = 8 },
            Files = Directory.EnumerateFiles(folder).ToDictionary(file => Path.GetFileName(file), file => Sha256(File.ReadAllBytes(file))),
        };
        File.WriteAllBytes(Path.Combine(folder, ModelManifestJson.FileName), ModelManifestJson.Write(change(manifest)));
        return () => ModelPackage.Open(folder);
    }

    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static Dictionary<string, string> With(this IReadOnlyDictionary<string, string> files, string path, string sha256) =>
        new(files) { [path] = sha256 };

    private static Graph Graph()
    {
        var graph = new Graph("net");
        var weight = graph.Weight("w", TensorElementType.Float, [4], () => new byte[16]);
        graph.Output("y", graph.Input("x", TensorElementType.Float, 4) + weight, 4);
        return graph;
    }
}
