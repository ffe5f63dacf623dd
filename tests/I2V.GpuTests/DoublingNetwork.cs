using System.Runtime.InteropServices;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Onnx;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Native;

namespace I2V.GpuTests;

/// <summary>A network that multiplies rows of <see cref="Width"/> by a matrix of weights, which doubles them.</summary>
internal static class DoublingNetwork
{
    public const int Width = 2048;
    public const long WeightBytes = (long)Width * Width * sizeof(float);

    private static readonly Dictionary<string, long> NoSizes = [];

    public static Network Load(TemporaryFolder folder, string provider = "cuda")
    {
        var graph = new Graph("doubling");
        var x = graph.Input("x", TensorElementType.Float, Dim.Any, Width);
        var weight = graph.Weight("weight", TensorElementType.Float, [Width, Width], () => MemoryMarshal.AsBytes(Doubling().AsSpan()).ToArray());
        graph.Output("y", graph.Op("MatMul", [x, weight]), Dim.Any, Width);
        var path = folder.File("graph.onnx");
        OnnxFile.Write(graph, path);
        var package = PackageSamples.Write(folder.Path, manifest => manifest, File.ReadAllBytes(path))();
        return Network.Load(package, "net", new DeviceOptions { Provider = provider });
    }

    /// <summary>Rows 1, 2, 3, …, each of one number.</summary>
    public static OrtValue Rows(int count) =>
        TestGraphs.Tensor([.. Enumerable.Range(0, count * Width).Select(i => (float)(1 + (i / Width)))], count, Width);

    public static OrtValue Run(this Network network, OrtValue x, Place place) =>
        network.Run(NoSizes, new Dictionary<string, OrtValue> { ["x"] = x }, [("y", place)], TestContext.Current.CancellationToken)[0];

    private static float[] Doubling()
    {
        var matrix = new float[Width * Width];
        for (var i = 0; i < Width; i++)
        {
            matrix[(i * Width) + i] = 2;
        }

        return matrix;
    }
}
