using System.CommandLine;
using I2V.Cli.Configuration;
using I2V.Cli.Models;
using I2V.Cli.Up;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.ModelBuilder.Weights;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli.Models;

public sealed class ModelCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_package_is_built_shown_and_verified_until_it_is_altered()
    {
        var package = folder.File("tiny");
        Assert.Equal(ExitCode.Ok, await RunAsync("build", "i2vgen-xl", "--random-weights", "3", "--tiny", "--name", "tiny", "--weights", "int8", "-o", package, "--json"));
        Assert.Equal(("tiny", "portable"), (ModelPackage.Open(package).Manifest.Name, ModelPackage.Open(package).Manifest.Components["unet"].Target));
        Assert.Equal(["int8"], ModelPackage.Open(package).Manifest.Components["unet"].Variants!.Keys);
        Assert.Equal(ExitCode.Usage, await RunAsync("build", "i2vgen-xl", "--random-weights", "3", "--tiny", "--weights", "int4", "-o", package));
        Assert.Equal(ExitCode.Ok, await RunAsync("show", package));
        Assert.Equal(ExitCode.Ok, await RunAsync("verify", package));

        File.Delete(Path.Combine(package, "unet.weights"));

        Assert.Equal(ExitCode.Failure, await RunAsync("verify", package, "--json"));
        Assert.Equal(ExitCode.Ok, await RunAsync("show", package, "--json")); // checks nothing
        Assert.Equal(ExitCode.Failure, await RunAsync("show", folder.Path));
        Assert.Equal(ExitCode.Ok, await RunAsync("list", "--data", folder.Path, "--json"));
    }

    [Fact]
    public async Task What_cannot_be_built_ends_with_a_failure_and_leaves_nothing()
    {
        Assert.Equal(ExitCode.Failure, await RunAsync("build", folder.Path, "-o", folder.File("package")));
        Assert.Equal(ExitCode.Failure, await RunAsync("build", "i2vgen-xl", "--random-weights", "3", "--small", "--target", "fused", "--precision", "fp32", "-o", folder.File("package")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void What_is_shown_names_limits_presets_and_bytes()
    {
        var package = MotionPackage.Build(folder.Path);
        var manifest = ModelPackage.Describe(package) with
        {
            Steps = new Range<int>(1, 999),
            Presets = new Dictionary<string, ModelPreset> { ["draft"] = new(25), ["standard"] = new(35) },
            Defaults = new ModelDefaults { NumFrames = 16, Fps = 8, Steps = 35, Preset = "standard" },
        };

        var text = ShowCommand.Text(package, manifest);

        Assert.Contains("name       motion 1.0.0, family motion\n", text, StringComparison.Ordinal);
        Assert.Contains("licence    Apache-2.0\n", text, StringComparison.Ordinal);
        Assert.Contains("component  camera: portable, 0 B of weights\n", text, StringComparison.Ordinal);
        Assert.Contains("sizes      multiples of 2, 64 … 2048 pixels; longest side 512 when left open\n", text, StringComparison.Ordinal);
        Assert.Contains("steps      1 … 999; presets draft 25, standard 35; standard when left open\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Units_and_variants_are_shown_with_their_bytes()
    {
        ComponentUnit[] units = [new("a", "a.onnx", 3_000_000) { Inputs = [], Outputs = ["x"] }, new("b", "b.onnx", 98_000_000) { Inputs = [], Outputs = ["y"] }];
        var manifest = ModelPackage.Describe(MotionPackage.Build(folder.Path)) with
        {
            Components = new Dictionary<string, ModelComponent>
            {
                ["net"] = new("net.onnx", "fused", 101_000_000)
                {
                    Units = units,
                    Variants = new Dictionary<string, ComponentVariant> { ["whole"] = new("whole.onnx", 101_000_000), ["int8"] = new("int8.onnx", 60_000_000) { Units = units } },
                },
            },
        };

        var text = ShowCommand.Text(folder.Path, manifest);

        Assert.Contains("component  net: fused, 101.0 MB of weights in 2 units, the largest 98.0 MB\n", text, StringComparison.Ordinal);
        Assert.Contains("variant    net.whole: 101.0 MB of weights\n", text, StringComparison.Ordinal);
        Assert.Contains("variant    net.int8: 60.0 MB of weights in 2 units, the largest 98.0 MB\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_shown_for_each_rung_at_the_default_size_and_at_the_envelope_s_lines()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Full, 1);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Fused, Precision = TensorElementType.Float16 });
        var manifest = plan.Manifest with { Components = plan.Components.ToDictionary(component => component.Network.Name, component => component.Described) };

        var rows = MemoryTable.Of(manifest);

        Assert.Equal([(512, 512, 16), (896, 512, 16), (1344, 768, 24), (1792, 1024, 32)], rows.Select(row => (row.Width, row.Height, row.NumFrames)));
        Assert.Equal(["resident", "sliced", "encoders_released", "serial_guidance", "denoiser_released", "streamed"], rows[0].Rungs.Take(6).Select(rung => rung.Rung));
        Assert.Equal(rows[0].Rungs.Take(6).Select(rung => rung.PeakBytes).OrderDescending(), rows[0].Rungs.Take(6).Select(rung => rung.PeakBytes));
        Assert.InRange(rows[0].Rungs[0].PeakBytes, 5_000_000_000, 8_500_000_000);
        Assert.InRange(rows[0].Rungs[5].PeakBytes, 1_600_000_000, 1_900_000_000);
        Assert.Contains("memory     512×512, 16 frames: resident ", ShowCommand.Text(folder.Path, manifest), StringComparison.Ordinal);
        Assert.Empty(MemoryTable.Of(manifest with { Memory = null }));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(578_000, "578.0 kB")]
    [InlineData(1_420_469_224, "1.42 GB")]
    public void Bytes_are_told_in_powers_of_ten(long bytes, string text) => Assert.Equal(text, ByteText.Of(bytes));

    [Theory]
    [InlineData("", 1)]
    [InlineData(":0.5", 0.5)]
    [InlineData(":-1", -1)]
    public void A_lora_is_named_with_its_scale(string suffix, double scale)
    {
        var file = folder.File("style.safetensors");
        SafetensorsWriter.Write(file, [SafetensorsTensor.Floats("unet.conv_in.lora_A.weight", [1], 1, 1), SafetensorsTensor.Floats("unet.conv_in.lora_B.weight", [1], 1, 1)]);
        var option = new LoraOption();

        var parsed = new RootCommand { option.Option }.Parse(["--lora", file + suffix]);
        using var checkpoint = option.Apply(parsed, I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1));

        Assert.Empty(parsed.Errors);
        Assert.Equal((file, scale), (Assert.Single(checkpoint.Loras).File.Path, checkpoint.Loras[0].Scale));
    }

    [Fact]
    public void Up_refuses_a_package_for_cuda_on_the_processor_and_two_of_one_name()
    {
        using var out1 = new StringWriter();
        var steps = new Steps(out1, TimeProvider.System);
        var (one, two) = (PackageSample("one", "fused"), PackageSample("two", "portable"));

        Assert.Contains("add `--gpu`", Refusal(gpu: false, one), StringComparison.Ordinal);
        Assert.Contains("are both named sample", Refusal(gpu: true, one, two), StringComparison.Ordinal);
        var data = folder.File("data");
        Directory.CreateDirectory(Path.Combine(data, "models"));
        Directory.Move(one, Path.Combine(data, "models", "sample"));
        Assert.Contains("which is served anyway", Refusal(gpu: true, two), StringComparison.Ordinal);
        ServedModels.Check(new UpOptions { Data = data, Gpu = true, Models = [Path.Combine(data, "models", "sample")] }, steps);

        string Refusal(bool gpu, params string[] models) =>
            Assert.Throws<CliException>(() => ServedModels.Check(new UpOptions { Data = folder.File("data"), Gpu = gpu, Models = models }, steps)).Message;
    }

    private string PackageSample(string name, string target)
    {
        var path = folder.File(name);
        Directory.CreateDirectory(path);
        PackageSamples.Write(path, manifest => manifest with { Components = new Dictionary<string, ModelComponent> { ["net"] = new("graph.onnx", target, 16) } });
        return path;
    }

    private static Task<int> RunAsync(params string[] arguments) => CommandRunner.RunAsync(new RootCommand { ModelsCommand.Create() }, ["models", .. arguments]);
}
