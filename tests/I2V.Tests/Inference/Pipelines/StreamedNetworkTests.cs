using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Tests.Inference.Native;

namespace I2V.Tests.Inference.Pipelines;

public sealed class StreamedNetworkTests : IDisposable
{
    private static readonly Dictionary<string, long> Sizes = new() { ["b"] = 2, ["f"] = 3 };

    private static readonly Dictionary<string, long> NoSizes = [];

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Units_one_after_the_other_are_the_whole_network()
    {
        var package = UnitSamples.Write(folder.Path);
        using var whole = Network.Load(package, UnitSamples.Component, new DeviceOptions());
        using var streamed = StreamedNetwork.Load(package, UnitSamples.Component, new DeviceOptions());

        foreach (var (b, f) in ((int, int)[])[(2, 3), (1, 1), (4, 2), (2, 3)])
        {
            var (expected, found) = (Film(whole, b, f, ["y", "side"]), Film(streamed, b, f, ["y", "side"]));

            Assert.Equal(expected, found);
            Assert.Equal(b * f * UnitSamples.Width, found[0].Distinct().Count());
        }
    }

    [Theory]
    [InlineData("y", "side")]
    [InlineData("side", "y")]
    [InlineData("side")]
    [InlineData("y")]
    public void Outputs_of_any_unit_come_in_the_order_asked_for_wherever_they_lie(params string[] names)
    {
        var package = UnitSamples.Write(folder.Path);
        using var whole = Network.Load(package, UnitSamples.Component, new DeviceOptions());
        using var streamed = StreamedNetwork.Load(package, UnitSamples.Component, new DeviceOptions());

        Assert.Equal(Film(whole, 2, 3, names), Film(streamed, 2, 3, names));
        Assert.Equal(Film(whole, 2, 3, names), Film(streamed, 2, 3, names, Place.Device));
    }

    [Fact]
    public async Task Runs_that_are_asked_for_at_the_same_time_go_one_after_the_other()
    {
        using var streamed = StreamedNetwork.Load(UnitSamples.Write(folder.Path), UnitSamples.Component, new DeviceOptions());
        var expected = Enumerable.Range(1, 4).Select(b => Film(streamed, b, 2, ["y"])[0]).ToList();

        var found = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => Film(streamed, 1 + (i % 4), 2, ["y"])[0], Ct)));

        Assert.All(found.Index(), run => Assert.Equal(expected[run.Index % 4], run.Item));
    }

    [Fact]
    public void Inputs_outputs_and_sizes_that_do_not_fit_are_named()
    {
        using var streamed = StreamedNetwork.Load(UnitSamples.Write(folder.Path), UnitSamples.Component, new DeviceOptions());
        using var good = TestGraphs.Tensor(new float[24], 6, 4);
        using var wide = TestGraphs.Tensor(new float[30], 6, 5);

        Assert.Equal("it needs the inputs x, but was given z", Problem("z", good, "y"));
        Assert.Equal("its input x is Float [any, 4], but was given Float [6, 5]", Problem("x", wide, "y"));
        Assert.StartsWith("it has no output none; its units make ", Problem("x", good, "none"), StringComparison.Ordinal);
        Assert.StartsWith("The formula 'b, f, 4' needs a size named b", Problem("x", good, "y", []), StringComparison.Ordinal);
        Assert.Equal(24, Film(streamed, 2, 3, ["y"])[0].Length);

        string Problem(string name, OrtValue tensor, string output, Dictionary<string, long>? sizes = null)
        {
            const string Title = "The network net of the model sample cannot run: ";
            var error = Assert.Throws<GenerationException>(
                () => streamed.Run(sizes ?? Sizes, new Dictionary<string, OrtValue> { [name] = tensor }, [(output, Place.Host)], Ct));
            Assert.StartsWith(Title, error.Message, StringComparison.Ordinal);
            return error.Message[Title.Length..^1];
        }
    }

    [Fact]
    public void A_unit_that_fails_is_named_and_the_next_run_works()
    {
        using var streamed = StreamedNetwork.Load(UnitSamples.Write(folder.Path), UnitSamples.Component, new DeviceOptions());
        using var x = TestGraphs.Tensor(new float[20], 5, 4);

        var error = Assert.Throws<GenerationException>(() => streamed.Run(Sizes, new Dictionary<string, OrtValue> { ["x"] = x }, [("y", Place.Host)], Ct));

        Assert.Equal(GenerationError.InferenceFailed, error.Error);
        Assert.StartsWith("The unit shape of the network net of the model sample failed on cpu. ", error.Message, StringComparison.Ordinal);
        Assert.Equal(24, Film(streamed, 2, 3, ["y"])[0].Length);
    }

    [Fact]
    public async Task A_run_ends_in_the_middle_of_a_unit_when_it_is_cancelled()
    {
        using var streamed = StreamedNetwork.Load(UnitSamples.WriteLoop(folder.Path, 1 << 14), UnitSamples.Component, new DeviceOptions());
        using var start = TestGraphs.Tensor(new float[1 << 14]);
        using var endless = TestGraphs.Scalar(long.MaxValue);
        using var few = TestGraphs.Scalar(3L);
        using var cancel = new CancellationTokenSource();
        var run = Task.Run(() => Last(endless, cancel.Token), Ct);

        cancel.CancelAfter(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal(5 + 1 + 2 + 3, Last(few, Ct));

        float Last(OrtValue trips, CancellationToken ct)
        {
            using var y = streamed.Run(NoSizes, new Dictionary<string, OrtValue> { ["start"] = start, ["trips"] = trips }, [("y", Place.Host)], ct)[0];
            return y.GetTensorDataAsSpan<float>()[^1];
        }
    }

    [Fact]
    public void A_unit_that_is_gone_is_named_and_works_when_it_is_back()
    {
        using var streamed = StreamedNetwork.Load(UnitSamples.Write(folder.Path), UnitSamples.Component, new DeviceOptions());
        var expected = Film(streamed, 2, 3, ["y"]);
        File.Move(folder.File("product.onnx"), folder.File("elsewhere"));

        var error = Assert.Throws<GenerationException>(() => Film(streamed, 2, 3, ["y"]));

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.StartsWith("The unit product of the network net of the model sample cannot be loaded. ", error.Message, StringComparison.Ordinal);
        File.Move(folder.File("elsewhere"), folder.File("product.onnx"));
        Assert.Equal(expected, Film(streamed, 2, 3, ["y"]));
    }

    [Fact]
    public void A_package_that_cannot_be_streamed_says_why()
    {
        var package = UnitSamples.Write(folder.Path);

        Assert.Equal("The network other of the model sample cannot be streamed: the package has no such network.", Refusal(package, "other").Message);
        Assert.Equal("The network net (int8) of the model sample cannot be streamed: the package has no such variant of it.", Refusal(package, "net", "int8").Message);
        Assert.Equal("The network net of the model sample cannot be streamed: the package does not cut it into units.", Refusal(Changed(component => component with { Units = null })).Message);
        File.Delete(folder.File("stem.onnx"));
        Assert.StartsWith("The unit stem of the network net of the model sample cannot be loaded. ", Refusal(package).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_unit_whose_graph_is_another_one_is_refused()
    {
        var package = Changed(component => component with
        {
            Units = [component.Units![0] with { Inputs = [new GraphInput("x", "tensor"), new GraphInput("shape:b", "shape", "b")] }, .. component.Units.Skip(1)],
        });

        var error = Refusal(package);

        Assert.Equal(GenerationError.ModelLoadFailed, error.Error);
        Assert.Matches("^The unit stem of the network net of the model sample cannot be used: the manifest says that it takes shape:b, x and makes (.+), but its graph takes x and makes \\1\\.$", error.Message);
    }

    [Fact]
    public void A_variant_has_units_of_its_own()
    {
        var package = Changed(component => component with
        {
            Units = null,
            Variants = new Dictionary<string, ComponentVariant> { ["int8"] = new("graph.onnx", 0) { Inputs = component.Inputs, Units = component.Units } },
        });
        using var whole = Network.Load(package, UnitSamples.Component, new DeviceOptions());
        using var streamed = StreamedNetwork.Load(package, UnitSamples.Component, new DeviceOptions(), "int8");

        Assert.Equal(Film(whole, 2, 3, ["y"]), Film(streamed, 2, 3, ["y"]));
    }

    [Fact]
    public void At_most_two_units_are_in_memory_and_none_after_a_failure()
    {
        var package = UnitSamples.Write(folder.Path);
        var units = package.Manifest.Components[UnitSamples.Component].Units!;
        using var sessions = ReloadedUnits.Load([.. units.Select(unit => new UnitGraph(unit, package.GraphPath(unit), unit.Name))], new DeviceOptions());
        var schedule = new StreamSchedule(sessions);

        schedule.Run(
            unit =>
            {
                Assert.InRange(sessions.Held, 1, 2);
                Assert.Contains(units[unit].Outputs[0], sessions[unit].OutputNames);
            },
            Ct);
        Assert.Throws<TimeoutException>(() => schedule.Run(unit => _ = unit < 3 ? 0 : throw new TimeoutException(), Ct));

        Assert.Equal(0, sessions.Held);
        Assert.Throws<InvalidOperationException>(() => sessions[0]);
    }

    [Fact]
    public void Copies_that_are_not_ours_are_not_timed()
    {
        using var streamed = StreamedNetwork.Load(UnitSamples.Write(folder.Path), UnitSamples.Component, new DeviceOptions());

        Assert.Contains("Copies to cpu are not timed", Assert.Throws<InvalidOperationException>(streamed.BeginTrace).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(streamed.EndTrace);
        Assert.Equal(0, streamed.PinnedBytes);
    }

    private static GenerationException Refusal(ModelPackage package, string component = UnitSamples.Component, string? variant = null) =>
        Assert.Throws<GenerationException>(() => StreamedNetwork.Load(package, component, new DeviceOptions(), variant).Dispose());

    private static float[][] Film(INetwork network, int b, int f, string[] names, Place place = Place.Host)
    {
        using var x = TestGraphs.Tensor([.. Enumerable.Range(1, b * f * UnitSamples.Width).Select(i => i / 8f)], b * f, UnitSamples.Width);
        var outputs = network.Run(
            new Dictionary<string, long> { ["b"] = b, ["f"] = f }, new Dictionary<string, OrtValue> { ["x"] = x }, [.. names.Select(name => (name, place))], Ct);
        var films = outputs.Select(output => output.GetTensorDataAsSpan<float>().ToArray()).ToArray();
        foreach (var output in outputs)
        {
            output.Dispose();
        }

        return films;
    }

    private ModelPackage Changed(Func<ModelComponent, ModelComponent> change)
    {
        var own = Directory.CreateDirectory(folder.File($"package-{Directory.GetDirectories(folder.Path).Length}")).FullName;
        return UnitSamples.Write(own, change);
    }
}
