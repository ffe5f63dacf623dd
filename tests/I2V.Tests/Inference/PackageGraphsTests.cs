using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Onnx;

namespace I2V.Tests.Inference;

/// <summary>Variants and units of a component: their graphs are checked as the component's own is.</summary>
public sealed class PackageGraphsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Variants_and_units_have_paths_of_their_own()
    {
        var package = Open(component => component with
        {
            Units = [Unit("first", ["x"], ["half"]), Unit("second", ["half", "x"], ["y"])],
            Variants = new Dictionary<string, ComponentVariant> { ["whole"] = new("part.onnx", 16) },
        })();

        Assert.Equal(folder.File("part.onnx"), package.GraphPath("net", "whole"));
        Assert.Equal(folder.File("part.onnx"), package.GraphPath(package.Manifest.Components["net"].Units![1]));
        Assert.Equal(Sentence("components.net.variants has no int8"), Refusal(() => package.GraphPath("net", "int8")));
        Assert.StartsWith(Sentence("components has no other")[..^1], Refusal(() => package.GraphPath("other", "int8")), StringComparison.Ordinal);
    }

    [Fact]
    public void Graphs_that_the_files_do_not_list_are_named_by_their_place()
    {
        var open = Open(component => component with
        {
            Units = [Unit("first", ["x"], ["y"]) with { Graph = "one.onnx" }],
            Variants = new Dictionary<string, ComponentVariant>
            {
                ["int8"] = new("two.onnx", 16) { Inputs = [new GraphInput("x", "tensor")], Units = [Unit("first", ["x"], ["y"]) with { Graph = "../three.onnx" }] },
            },
        });

        Assert.Equal(
            Sentence("components.net.units[0].graph is one.onnx, which files does not list; components.net.variants.int8.graph is two.onnx, which files does not list; "
                + "components.net.variants.int8.units[0].graph is ../three.onnx, which files does not list"),
            Refusal(open));
    }

    [Theory]
    [InlineData("../../etc/shadow", "16", "part.onnx takes weights from ../../etc/shadow, which is not a plain path below the folder")]
    [InlineData("unlisted.weights", "16", "part.onnx takes weights from unlisted.weights, which files does not list")]
    [InlineData("graph.weights", "17", "part.onnx takes the weight w from bytes 0 to 17 of graph.weights, which has 16")]
    public void Weights_of_a_unit_or_variant_lie_inside_the_package_s_files(string location, string length, string problem)
    {
        Assert.Equal(Sentence(problem), Refusal(Open(component => component with { Units = [Unit("first", ["x"], ["y"])] }, Weight(location, length))));
        Assert.Equal(
            Sentence(problem),
            Refusal(Open(component => component with { Variants = new Dictionary<string, ComponentVariant> { ["whole"] = new("part.onnx", 16) } }, Weight(location, length))));
    }

    [Theory]
    [InlineData("x,z", "half", "components.net.units[0] reads z, which is no input of the network and no output of an earlier unit")]
    [InlineData("y", "half", "components.net.units[0] reads y, which is no input of the network and no output of an earlier unit")]
    [InlineData("x", "half,half", "components.net.units[0] gives half, which the network or an earlier unit has already")]
    [InlineData("x", "x,half", "components.net.units[0] gives x, which the network or an earlier unit has already")]
    public void Units_that_do_not_follow_from_each_other_are_refused(string reads, string gives, string problem)
    {
        var open = Open(component => component with { Units = [Unit("first", reads.Split(','), gives.Split(',')), Unit("second", ["half"], ["y"])] });

        Assert.Equal(Sentence(problem), Refusal(open));
    }

    [Fact]
    public void Units_without_outputs_or_without_described_inputs_are_refused()
    {
        Assert.Equal(Sentence("components.net.units[0] has no output"), Refusal(Open(component => component with { Units = [Unit("first", ["x"], [])] })));
        Assert.Equal(
            Sentence("components.net.units needs a unit, and components.net.inputs, of which the units take theirs"),
            Refusal(Open(component => component with { Inputs = null, Units = [Unit("first", ["x"], ["y"])] })));
        Assert.Equal(
            Sentence("components.net.units needs a unit, and components.net.inputs, of which the units take theirs"),
            Refusal(Open(component => component with { Units = [] })));
    }

    [Fact]
    public void Negative_bytes_of_weights_are_refused()
    {
        Assert.Equal(
            Sentence("components.net.units[0].weight_bytes is -1, but must not be negative"),
            Refusal(Open(component => component with { Units = [Unit("first", ["x"], ["y"]) with { WeightBytes = -1 }] })));
    }

    [Theory]
    [InlineData("\"units\": [null]")]
    [InlineData("\"variants\": {\"whole\": null}")]
    [InlineData("\"inputs\": [null]")]
    public void Nulls_inside_of_lists_are_no_manifest(string property)
    {
        Open(component => component with { Inputs = null })();
        var path = folder.File("manifest.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"graph\": \"graph.onnx\",", $"\"graph\": \"graph.onnx\", {property},", StringComparison.Ordinal));

        Assert.Contains("manifest.json is not a manifest: The value at byte", Refusal(() => ModelPackage.Open(folder.Path)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_manifest_says_about_memory_is_read_as_it_was_written()
    {
        EnvelopeLine[] envelope = [new(12L << 30, 466_033, 16), new(null, 1_864_135, 32)];
        var memory = new Dictionary<string, MemoryTerm> { ["net"] = new(20_000_000, 7700.5) };
        var open = PackageSamples.Write(folder.Path, manifest => manifest with { Envelope = envelope, Memory = memory });

        var read = open().Manifest;

        Assert.Equal(envelope, read.Envelope!);
        Assert.Equal(memory, read.Memory!);
    }

    private static ComponentUnit Unit(string name, string[] inputs, string[] outputs) =>
        new(name, "part.onnx", 16) { Inputs = [.. inputs.Select(input => new GraphInput(input, "tensor"))], Outputs = outputs };

    private static byte[] Weight(string location, string length)
    {
        var model = new ProtoWriter();
        model.Message(7, graph => graph.Message(5, tensor =>
        {
            tensor.String(8, "w");
            foreach (var (key, value) in (IEnumerable<(string, string)>)[("location", location), ("length", length)])
            {
                tensor.Message(13, entry =>
                {
                    entry.String(1, key);
                    entry.String(2, value);
                });
            }
        }));
        return model.ToArray();
    }

    /// <summary>The sample package with another graph beside its own, and its component changed.</summary>
    private Func<ModelPackage> Open(Func<ModelComponent, ModelComponent> change, byte[]? part = null)
    {
        File.WriteAllBytes(folder.File("part.onnx"), part ?? Weight("graph.weights", "16"));
        File.Delete(folder.File("manifest.json"));
        return PackageSamples.Write(folder.Path, manifest => manifest with
        {
            Components = new Dictionary<string, ModelComponent>
            {
                ["net"] = change(manifest.Components["net"] with { Inputs = [new GraphInput("x", "tensor")] }),
            },
        });
    }

    private string Sentence(string clause) => $"The model package {folder.Path} cannot be used: {clause}.";

    private static string Refusal(Func<object> open)
    {
        var error = Assert.Throws<GenerationException>(() => open());
        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        return error.Message;
    }
}
