using System.Text;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Onnx;

namespace I2V.Tests.Inference;

public sealed class ModelPackageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_whole_package_opens_under_the_hash_of_its_manifest()
    {
        var package = PackageSamples.Write(folder.Path, manifest => manifest)();

        Assert.Equal("sample", package.Manifest.Name);
        Assert.Equal(folder.Path, package.Folder);
        Assert.Equal(PackageSamples.Sha256(File.ReadAllBytes(folder.File("manifest.json"))), package.Sha256);
        Assert.Equal(folder.File("graph.onnx"), package.GraphPath("net"));
    }

    [Fact]
    public void A_file_that_was_tampered_with_is_named_with_both_hashes()
    {
        var open = PackageSamples.Write(folder.Path, manifest => manifest);
        var before = PackageSamples.Sha256(File.ReadAllBytes(folder.File("graph.weights")));
        File.WriteAllBytes(folder.File("graph.weights"), [.. Enumerable.Repeat((byte)1, 16)]);

        Assert.Equal(
            Sentence($"graph.weights is damaged: its SHA-256 is {PackageSamples.Sha256([.. Enumerable.Repeat((byte)1, 16)])}, the manifest says {before}"), Refusal(open));
    }

    [Fact]
    public void A_missing_file_is_named_with_the_hash_that_it_would_have()
    {
        var open = PackageSamples.Write(folder.Path, manifest => manifest);
        var hash = PackageSamples.Sha256(File.ReadAllBytes(folder.File("LICENSE")));
        File.Delete(folder.File("LICENSE"));

        Assert.Equal(Sentence($"LICENSE is missing: the manifest says its SHA-256 is {hash}"), Refusal(open));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("sub/../../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("C:/secret")]
    [InlineData("sub\\..\\secret")]
    [InlineData("./LICENSE")]
    [InlineData("")]
    public void A_path_that_leaves_the_folder_or_is_not_plain_is_refused(string path)
    {
        var open = PackageSamples.Write(folder.Path, manifest => manifest with { Files = manifest.Files.With(path, new string('0', 64)) });

        Assert.Equal(Sentence($"{path} is not a plain path below the folder"), Refusal(open));
    }

    [Fact]
    public void A_symbolic_link_is_refused_even_when_what_it_points_at_has_the_right_hash()
    {
        using var outside = new TemporaryFolder();
        File.WriteAllText(outside.File("file"), "secret");
        var hash = PackageSamples.Sha256("secret"u8);
        File.CreateSymbolicLink(folder.File("link"), outside.File("file"));
        Directory.CreateSymbolicLink(folder.File("linked"), outside.Path);
        var open = PackageSamples.Write(folder.Path, manifest => manifest with { Files = manifest.Files.With("link", hash).With("linked/file", hash) });

        Assert.Equal(Sentence("link is or goes through a symbolic link; linked/file is or goes through a symbolic link"), Refusal(open));
    }

    [Fact]
    public void Everything_that_is_wrong_is_in_one_error()
    {
        var open = PackageSamples.Write(folder.Path, manifest => manifest with
        {
            Frames = new FrameLimits("odd", 0, 8),
            Sizes = new SizeLimits(2, 64, 512, 1024),
            Fps = new Range<int>(10, 30),
            Components = new Dictionary<string, ModelComponent>(manifest.Components) { ["other"] = new("other.onnx", "portable", 0) },
            Files = manifest.Files.With("../up", "00").With("gone", "00"),
        });
        File.AppendAllText(folder.File("LICENSE"), "More.");

        var message = Refusal(open);

        foreach (var part in (string[])[
            "frames.rule is odd, but must be any or 4k+1",
            "frames must satisfy 1 ≤ min ≤ defaults.num_frames ≤ max, but they are 0, 4, 8",
            "sizes must satisfy 1 ≤ multiple_of ≤ min ≤ default_longest_side ≤ max, but they are 2, 64, 1024, 512",
            "fps must satisfy 1 ≤ min ≤ defaults.fps ≤ max, but they are 10, 8, 30",
            "../up is not a plain path below the folder",
            "gone is missing",
            "LICENSE is damaged",
            "components.other.graph is other.onnx, which files does not list",
        ])
        {
            Assert.Contains(part, message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("../../etc/shadow", "which is not a plain path below the folder")]
    [InlineData("/etc/shadow", "which is not a plain path below the folder")]
    [InlineData("unlisted.weights", "which files does not list")]
    public void Weights_that_a_graph_takes_from_elsewhere_are_refused_however_deep_they_are_hidden(string location, string reason)
    {
        var hidden = HiddenWeights(location);
        var open = PackageSamples.Write(folder.Path, manifest => manifest, hidden);

        Assert.Equal(Sentence($"graph.onnx takes weights from {location}, {reason}"), Refusal(open));
    }

    [Theory]
    [InlineData("0", "16", null)]
    [InlineData("8", "8", null)]
    [InlineData("8", "9", "from bytes 8 to 17 of graph.weights, which has 16")]
    [InlineData("17", null, "from bytes 17 to 17 of graph.weights, which has 16")]
    [InlineData("18446744073709551615", "18446744073709551615", "from bytes 18446744073709551615 to 36893488147419103230 of graph.weights, which has 16")]
    public void Weights_that_lie_outside_of_their_file_are_refused(string offset, string? length, string? problem)
    {
        File.WriteAllBytes(folder.File("graph.weights"), new byte[16]);
        var open = PackageSamples.Write(folder.Path, manifest => manifest, Weight(("location", "graph.weights"), ("offset", offset), ("length", length)));

        if (problem is null)
        {
            Assert.Equal("sample", open().Manifest.Name);
        }
        else
        {
            Assert.Equal(Sentence($"graph.onnx takes the weight w {problem}"), Refusal(open));
        }
    }

    [Theory]
    [InlineData("offset", "-8", "one of its weights has the offset -8, which is no number of bytes")]
    [InlineData("length", "1e3", "one of its weights has the length 1e3, which is no number of bytes")]
    [InlineData("location", "graph.onnx", "one of its weights has two values for location")]
    public void A_place_in_a_file_that_is_no_place_is_refused(string key, string value, string problem)
    {
        File.WriteAllBytes(folder.File("graph.weights"), new byte[16]);
        var open = PackageSamples.Write(folder.Path, manifest => manifest, Weight(("location", "graph.weights"), (key, value)));

        Assert.Equal(Sentence($"graph.onnx cannot be read as an ONNX model: {problem}"), Refusal(open));
    }

    [Fact]
    public void A_graph_that_is_not_a_model_is_named()
    {
        var open = PackageSamples.Write(folder.Path, manifest => manifest, graph: Encoding.UTF8.GetBytes("{ not protobuf }"));

        Assert.StartsWith(Sentence("graph.onnx cannot be read as an ONNX model: ")[..^1], Refusal(open), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "manifest.json cannot be read: ")]
    [InlineData("{", "manifest.json is not a manifest: ")]
    [InlineData("null", "manifest.json is not a manifest: ")]
    [InlineData("{\"name\": \"x\"}", "manifest.json is not a manifest: ")]
    public void A_manifest_that_cannot_be_read_is_an_error_of_the_package(string? json, string clause)
    {
        if (json is not null)
        {
            File.WriteAllText(folder.File("manifest.json"), json);
        }

        Assert.StartsWith($"The model package {folder.Path} cannot be used: {clause}", Refusal(() => ModelPackage.Open(folder.Path)), StringComparison.Ordinal);
    }

    /// <summary>A weight named w with entries about its place.</summary>
    private static byte[] Weight(params (string Key, string? Value)[] entries)
    {
        var model = new ProtoWriter();
        model.Message(7, graph => graph.Message(5, tensor =>
        {
            tensor.String(8, "w");
            foreach (var (key, value) in entries)
            {
                if (value is not null)
                {
                    tensor.Message(13, entry =>
                    {
                        entry.String(1, key);
                        entry.String(2, value);
                    });
                }
            }
        }));
        return model.ToArray();
    }

    /// <summary>A tensor with external data inside the body of a Loop inside the body of a Loop.</summary>
    private static byte[] HiddenWeights(string location)
    {
        var tensor = new ProtoWriter();
        tensor.Message(13, entry =>
        {
            entry.String(1, "location");
            entry.String(2, location);
        });
        var inner = Nest(graph => graph.Bytes(5, tensor.ToArray()));
        var model = new ProtoWriter();
        model.Message(7, graph => graph.Bytes(1, inner));
        return model.ToArray();
    }

    private static byte[] Nest(Action<ProtoWriter> innermost)
    {
        var node = new ProtoWriter();
        node.Message(5, attribute => attribute.Message(6, graph => graph.Message(1, inner => inner.Message(5, deep => deep.Message(6, innermost)))));
        return node.ToArray();
    }

    private string Sentence(string clause) => $"The model package {folder.Path} cannot be used: {clause}.";

    private static string Refusal(Func<ModelPackage> open)
    {
        var error = Assert.Throws<GenerationException>(open);
        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        return error.Message;
    }
}
