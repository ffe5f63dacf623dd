using System.Text.Json;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.ModelBuilder.Weights;
using I2V.Tests.Inference;
using I2V.Tests.ModelBuilder.Checkpoints;

namespace I2V.Tests.ModelBuilder.Packages;

public sealed class I2VGenXlPackageTests : IDisposable
{
    private static readonly PackageSettings Portable = new() { Target = Target.Portable, Precision = TensorElementType.Float };

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_package_of_random_weights_holds_all_that_the_pipeline_needs()
    {
        var manifest = (await BuildAsync("random", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1))).Manifest;

        Assert.Equal(["conditioning", "image_encoder", "text_encoder", "unet", "vae_decoder", "vae_encoder"], manifest.Components.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("i2vgen-xl", "i2vgen-xl", "fp32"), (manifest.Name, manifest.Family, manifest.Precision));
        Assert.Equal((64, 64, 1, 32, 999), (manifest.Sizes.MultipleOf, manifest.Sizes.Min, manifest.Frames.Min, manifest.Frames.Max, manifest.Steps!.Max));
        Assert.Equal((25, 35, 50, "standard", 35), (manifest.Presets!["draft"].Steps, manifest.Presets["standard"].Steps, manifest.Presets["final"].Steps, manifest.Defaults.Preset, manifest.Defaults.Steps));
        Assert.Equal(new LatentFacts(4, 8, 1, 0.18125), manifest.Latent);
        Assert.Equal(9, manifest.Defaults.GuidanceScale);
        Assert.StartsWith("Distorted, discontinuous", manifest.Defaults.NegativePrompt, StringComparison.Ordinal);
        Assert.Contains("tokenizer/LICENSE", manifest.Files.Keys);
        Assert.Contains("noise", manifest.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_manifest_follows_its_schema()
    {
        var package = await BuildAsync("random", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1), Portable with { EightBit = true });
        using var schema = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(Repository.Root, "models", "manifest.schema.json"), Ct));
        using var manifest = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(package.Folder, "manifest.json"), Ct));

        Assert.Empty(SchemaCheck.Problems(schema.RootElement, manifest.RootElement));
    }

    [Fact]
    public async Task A_checkpoint_and_its_seed_give_the_same_networks()
    {
        TinyCheckpoint.WriteWhole(folder.File("checkpoint"));

        var read = (await BuildAsync("read", I2VGenXlCheckpoints.Open(folder.File("checkpoint")))).Manifest;
        var made = (await BuildAsync("made", I2VGenXlCheckpoints.Random(RandomSize.Tiny, TinyCheckpoint.Seed))).Manifest;

        Assert.All(made.Files.Where(file => Path.GetExtension(file.Key) is ".onnx" or ".weights"), file => Assert.Equal(file.Value, read.Files[file.Key]));
        Assert.Equal(made.Scheduler, read.Scheduler);
        Assert.Equal(made.Tokenizers!, read.Tokenizers!);
        Assert.Equal((made.Files["tokenizer/vocab.json"], "mit"), (read.Files["tokenizer/vocab.json"], read.License));
    }

    [Fact]
    public async Task Half_precision_takes_half_the_bytes()
    {
        var whole = (await BuildAsync("fp32", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1))).Manifest;
        var half = (await BuildAsync("fp16", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1), Portable with { Precision = TensorElementType.Float16 })).Manifest;

        Assert.Equal("fp16", half.Precision);
        Assert.InRange((double)half.Components["text_encoder"].WeightBytes / whole.Components["text_encoder"].WeightBytes, 0.49, 0.52);
    }

    [Fact]
    public async Task A_lora_changes_the_network_that_it_names_and_no_other()
    {
        const string key = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
        SafetensorsWriter.Write(
            folder.File("style.safetensors"),
            [
                SafetensorsTensor.Floats($"unet.{key}.lora_A.weight", [.. Enumerable.Repeat(0.5f, 32)], 1, 32),
                SafetensorsTensor.Floats($"unet.{key}.lora_B.weight", [.. Enumerable.Repeat(0.5f, 32)], 32, 1),
            ]);
        var plain = (await BuildAsync("plain", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1))).Manifest;

        var styled = (await BuildAsync("styled", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1) with { Loras = [(LoraFile.Open(folder.File("style.safetensors")), 0.5)] })).Manifest;

        Assert.Equal(["unet.weights"], plain.Files.Where(file => styled.Files[file.Key] != file.Value).Select(file => file.Key));
    }

    [Fact]
    public void Weights_that_are_not_the_networks_are_all_in_one_error()
    {
        TinyCheckpoint.WriteWhole(folder.Path);
        SafetensorsWriter.Write(folder.File("vae/diffusion_pytorch_model.safetensors"), [SafetensorsTensor.Floats("mystery", [1], 1)]);
        using var checkpoint = I2VGenXlCheckpoints.Open(folder.Path);

        var refusal = Assert.Throws<WeightsException>(() => I2VGenXlPackage.Plan(checkpoint, Portable));

        Assert.Contains("missing (vae/", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("1 unexpected (vae/mystery [1])", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fused_graphs_are_refused_in_full_precision()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Small, 1);
        var refusal = Assert.Throws<PackageException>(() => I2VGenXlPackage.Plan(checkpoint, Portable with { Target = Target.Fused }));
        Assert.Contains("--precision fp16", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RandomSize.Full, 1_420_469_224, 352_984_064, 83_653_863)]
    public void The_published_size_has_the_published_number_of_parameters(RandomSize size, long unet, long text, long vae)
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(size, 1);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Fused, Precision = TensorElementType.Float16 });

        Assert.Equal(unet, Parameters(plan, "unet"));
        Assert.Equal(vae, Parameters(plan, "vae"));
        Assert.InRange(Parameters(plan, "text_encoder"), text - (13L << 20), text); // the last layer is left out
        Assert.InRange(plan.WeightBytes, 4_900_000_000, 5_100_000_000);
    }

    [Fact]
    public async Task Verification_lists_what_is_missing_altered_and_extra()
    {
        var package = await BuildAsync("random", I2VGenXlCheckpoints.Random(RandomSize.Tiny, 1));
        Assert.True(Verify(package.Folder).IsUsable);
        File.Delete(Path.Combine(package.Folder, "LICENSE"));
        await File.AppendAllTextAsync(Path.Combine(package.Folder, "unet.weights"), "x", Ct);
        await File.WriteAllTextAsync(Path.Combine(package.Folder, "notes.txt"), "x", Ct);

        var findings = Verify(package.Folder);

        Assert.False(findings.IsUsable);
        Assert.Equal(["LICENSE"], findings.Missing);
        Assert.Equal(("unet.weights", package.Manifest.Files["unet.weights"]), (Assert.Single(findings.Altered).Path, findings.Altered[0].ExpectedSha256));
        Assert.Equal(["notes.txt"], findings.Extra);
    }

    private static PackageFindings Verify(string package) => PackageVerification.Run(package, progress: null, Ct);

    private static long Parameters(PackagePlan plan, string source) => plan.Components.Where(component => component.Network.Source == source)
        .SelectMany(component => component.Network.Weights).DistinctBy(weight => weight.Key)
        .Sum(weight => weight.Value.Aggregate(1L, (product, size) => product * size));

    private async Task<ModelPackage> BuildAsync(string name, I2VGenXlCheckpoint checkpoint, PackageSettings? settings = null)
    {
        using (checkpoint)
        {
            await PackageWriter.WriteAsync(I2VGenXlPackage.Plan(checkpoint, settings ?? Portable), folder.File(name), progress: null, Ct);
            return ModelPackage.Open(folder.File(name));
        }
    }
}
