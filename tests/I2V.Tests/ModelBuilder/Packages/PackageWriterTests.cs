using System.Security.Cryptography;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Packages;

public sealed class PackageWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<string> read = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Package => folder.File("pkg");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_written_package_opens_and_nothing_lies_beside_it()
    {
        await PackageWriter.WriteAsync(Plan(), Package, progress: null, Ct);

        var manifest = ModelPackage.Open(Package).Manifest;
        Assert.Equal(["LICENSE", "first.onnx", "first.weights", "second.onnx", "second.weights", "tokenizer/vocab.json"], manifest.Files.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("first.onnx", "portable", 4096 + 12), (manifest.Components["first"].Graph, manifest.Components["first"].Target, manifest.Components["first"].WeightBytes));
        Assert.Equal([Package], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Weights_lie_where_the_graph_says_and_hash_as_the_manifest_says()
    {
        await PackageWriter.WriteAsync(Plan(), Package, progress: null, Ct);

        var file = await File.ReadAllBytesAsync(Path.Combine(Package, "first.weights"), Ct);
        Assert.Equal([.. Content("first", 0), .. new byte[4096 - 12], .. Content("first", 1)], file);
        Assert.Equal(ModelPackage.Open(Package).Manifest.Files["first.weights"], Convert.ToHexStringLower(SHA256.HashData(file)));
        using var options = new SessionOptions();
        using var session = new InferenceSession(Path.Combine(Package, "first.onnx"), options);
        using var x = OrtValue.CreateTensorValueFromMemory<float>([1, 1, 1], [3]);
        using var y = session.Run(null, new Dictionary<string, OrtValue> { ["x"] = x }, ["y"], Ct)[0];
        Assert.Equal([1 + 0 + 10, 1 + 1 + 11, 1 + 2 + 12], y.GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public async Task The_manifest_lists_the_inputs_that_follow_from_the_request()
    {
        var graph = new Graph("sized");
        var x = graph.Input("x", TensorElementType.Float, "b", "h");
        graph.Output("y", x.Reshape(graph.Sizes("b, h/2, 2")), "b", Dim.Any, 2);
        var plan = Plan() with { Components = [Component("sized", graph)] };

        await PackageWriter.WriteAsync(plan, Package, progress: null, Ct);

        var component = ModelPackage.Open(Package).Manifest.Components["sized"];
        Assert.Equal([new GraphInput("x", "tensor"), new GraphInput("shape:b,h/2,2", "shape", "b, h/2, 2")], component.Inputs!.ToArray());
        Assert.Equal(0, component.WeightBytes);
        Assert.False(File.Exists(Path.Combine(Package, "sized.weights")));
    }

    [Fact]
    public async Task Progress_counts_every_byte_once_and_ends_at_the_total_known_before()
    {
        var seen = new List<BuildProgress>();

        await PackageWriter.WriteAsync(Plan(), Package, new Listener(seen.Add), Ct);

        var total = 2 * (4096 + 12);
        Assert.All(seen, progress => Assert.Equal(total, progress.TotalBytes));
        Assert.Equal(seen.Select(progress => progress.Bytes).Order(), seen.Select(progress => progress.Bytes));
        Assert.Equal(total, seen[^1].Bytes);
        Assert.Contains(seen, progress => progress.Bytes is > 0 and < 4096 + 12);
    }

    [Fact]
    public async Task A_build_that_was_interrupted_keeps_what_it_had_finished()
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            PackageWriter.WriteAsync(Plan(onRead: name => StopAt("second/0", name, stop)), Package, progress: null, stop.Token));
        Assert.False(Directory.Exists(Package));
        var seen = new List<BuildProgress>();
        read.Clear();

        await PackageWriter.WriteAsync(Plan(), Package, new Listener(seen.Add), Ct);

        Assert.DoesNotContain(read, name => name.StartsWith("first", StringComparison.Ordinal));
        Assert.Contains("second/0", read);
        Assert.Equal(4096 + 12, seen[0].Bytes);
        Assert.NotNull(ModelPackage.Open(Package));
        Assert.Equal([Package], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("weights")]
    [InlineData("graph")]
    [InlineData("damage")]
    public async Task What_was_finished_from_something_else_is_written_again(string changed)
    {
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            PackageWriter.WriteAsync(Plan(onRead: name => StopAt("second/0", name, stop)), Package, progress: null, stop.Token));
        read.Clear();
        if (changed == "damage")
        {
            await File.AppendAllTextAsync(Path.Combine(folder.Path, ".pkg.unfinished", "first.weights"), "more", Ct);
        }

        await PackageWriter.WriteAsync(Plan(identity: changed == "weights" ? "seed 2" : "seed 1", addend: changed == "graph" ? 2 : 0), Package, progress: null, Ct);

        Assert.Contains("first/0", read);
        Assert.NotNull(ModelPackage.Open(Package));
    }

    [Fact]
    public async Task A_package_that_is_there_is_replaced_when_the_new_one_is_whole()
    {
        await PackageWriter.WriteAsync(Plan() with { Manifest = Plan().Manifest with { Description = "old" } }, Package, progress: null, Ct);
        await Assert.ThrowsAsync<InvalidDataException>(() => PackageWriter.WriteAsync(Plan(identity: "2", onRead: _ => throw new InvalidDataException()), Package, progress: null, Ct));
        Assert.Equal("old", ModelPackage.Open(Package).Manifest.Description);

        await PackageWriter.WriteAsync(Plan(), Package, progress: null, Ct);

        Assert.Null(ModelPackage.Open(Package).Manifest.Description);
        Assert.Equal([Package], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task A_folder_of_other_files_is_not_touched()
    {
        Directory.CreateDirectory(Package);
        await File.WriteAllTextAsync(Path.Combine(Package, "thesis.txt"), "mine", Ct);

        var refusal = await Assert.ThrowsAsync<PackageException>(() => PackageWriter.WriteAsync(Plan(), Package, progress: null, Ct));

        Assert.Equal($"{Package} holds other files and no package: name an empty or a new folder.", refusal.Message);
        Assert.Equal([Package], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Two_builds_of_one_package_do_not_meet()
    {
        var second = Task.FromException(new InvalidOperationException("The second build was never started."));
        await PackageWriter.WriteAsync(
            Plan(onRead: _ => second = PackageWriter.WriteAsync(Plan(), Package, progress: null, Ct)), Package, progress: null, Ct);

        var refusal = await Assert.ThrowsAsync<PackageException>(() => second);
        Assert.StartsWith($"Another build is writing {Package}", refusal.Message, StringComparison.Ordinal);
    }

    private static void StopAt(string wanted, string name, CancellationTokenSource stop)
    {
        if (name == wanted)
        {
            stop.Cancel();
        }
    }

    private static byte[] Content(string component, int index) =>
        [.. new float[] { 0, 1, 2 }.Select(value => value + (10 * index) + (component == "second" ? 100 : 0)).SelectMany(BitConverter.GetBytes)];

    private static PlannedComponent Component(string name, Graph graph, string identity = "seed 1") =>
        new(new BuiltNetwork(name, name, graph, new Dictionary<string, long[]>()), Target.Portable, identity);

    private PackagePlan Plan(string identity = "seed 1", float addend = 0, Action<string>? onRead = null) => new()
    {
        Manifest = new ModelManifest
        {
            Name = "sample",
            Family = "i2vgen-xl",
            Version = "1.0.0",
            Precision = "fp32",
            Components = new Dictionary<string, ModelComponent>(),
            Frames = new FrameLimits("any", 1, 8),
            Sizes = new SizeLimits(2, 64, 512, 256),
            Fps = new Range<int>(1, 30),
            UsedSettings = ["prompt"],
            Defaults = new ModelDefaults { NumFrames = 4, Fps = 8 },
            Files = new Dictionary<string, string>(),
        },
        Components = [Component("first", Net("first", addend, onRead), identity), Component("second", Net("second", addend, onRead), identity)],
        Files = new Dictionary<string, byte[]> { ["LICENSE"] = "Do what you like.\n"u8.ToArray(), ["tokenizer/vocab.json"] = "{}"u8.ToArray() },
    };

    private Graph Net(string name, float addend, Action<string>? onRead)
    {
        var graph = new Graph(name);
        var sum = graph.Input("x", TensorElementType.Float, 3) + graph.Scalar(addend);
        for (var i = 0; i < 2; i++)
        {
            var (index, key) = (i, $"{name}/{i}");
            sum += graph.Weight($"w{i}", TensorElementType.Float, [3], () =>
            {
                lock (read)
                {
                    read.Add(key);
                }

                onRead?.Invoke(key);
                return Content(name, index);
            });
        }

        graph.Output("y", sum, 3);
        return graph;
    }

    private sealed class Listener(Action<BuildProgress> hear) : IProgress<BuildProgress>
    {
        public void Report(BuildProgress value) => hear(value);
    }
}
