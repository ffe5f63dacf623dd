using System.Text.Json;
using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.ModelBuilder;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder;

public sealed class MotionPackageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Two_builds_are_the_same_bytes()
    {
        using var other = new TemporaryFolder();

        Assert.Equal(Contents(MotionPackage.Build(folder.Path)), Contents(MotionPackage.Build(other.Path)));
    }

    [Fact]
    public void The_package_says_what_it_is_and_what_it_reads()
    {
        var manifest = ModelPackage.Open(MotionPackage.Build(folder.Path)).Manifest;

        Assert.Equal(("motion", "motion", "fp32"), (manifest.Name, manifest.Family, manifest.Precision));
        Assert.Contains("Not a diffusion model", manifest.Description, StringComparison.Ordinal);
        Assert.Equal(["prompt", "width", "height", "num_frames", "fps", "seed", "motion_amount"], manifest.UsedSettings);
        Assert.Equal((1, 64, 16), (manifest.Frames.Min, manifest.Frames.Max, manifest.Defaults.NumFrames));
        Assert.Equal(["LICENSE", "camera.onnx", "picture.onnx"], manifest.Files.Keys.Order(StringComparer.Ordinal));
        Assert.Null(manifest.Steps);
    }

    [Fact]
    public void The_manifest_follows_its_schema()
    {
        using var schema = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "models", "manifest.schema.json")));
        using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(MotionPackage.Build(folder.Path), "manifest.json")));

        Assert.Empty(SchemaCheck.Problems(schema.RootElement, manifest.RootElement));
    }

    [Theory]
    [InlineData("name", "\"Über\"")]
    [InlineData("family", "\"unknown\"")]
    [InlineData("extra", "1")]
    [InlineData("frames", "{\"rule\": \"any\", \"min\": 0, \"max\": 4}")]
    [InlineData("files", "{\"a\": \"not a hash\"}")]
    [InlineData("used_settings", "[\"colour\"]")]
    [InlineData("defaults", "{\"num_frames\": 16, \"fps\": 8, \"motion_amount\": 1.5}")]
    [InlineData("precision", null)]
    [InlineData("memory", "{\"net\": {\"fixed_bytes\": 1}}")]
    [InlineData("memory", "{\"net\": {\"fixed_bytes\": -1, \"bytes_per_voxel\": 2.5}}")]
    [InlineData("envelope", "[{\"below_free_bytes\": 0, \"max_pixels\": 1, \"max_frames\": 1}]")]
    [InlineData("fit_profiles", "[{\"device\": \"x\", \"rung\": \"resident\", \"width\": 512, \"height\": 512, \"num_frames\": 16, \"guided\": 1, \"phase_peak_bytes\": {}}]")]
    [InlineData("components", "{\"net\": {\"graph\": \"net.onnx\", \"target\": \"fused\", \"weight_bytes\": 0, \"variants\": {\"whole\": {\"graph\": \"../net.onnx\"}}}}")]
    [InlineData("components", "{\"net\": {\"graph\": \"net.onnx\", \"target\": \"fused\", \"weight_bytes\": 0, \"units\": [{\"name\": \"a\", \"graph\": \"a.onnx\", \"weight_bytes\": 0, \"inputs\": [{\"name\": \"x\", \"kind\": \"number\"}], \"outputs\": [\"y\"]}]}}")]
    public void The_schema_refuses_what_is_not_a_manifest(string property, string? json)
    {
        using var schema = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "models", "manifest.schema.json")));
        var manifest = JsonNode.Parse(File.ReadAllBytes(Path.Combine(MotionPackage.Build(folder.Path), "manifest.json")))!.AsObject();
        manifest.Remove(property);
        if (json is not null)
        {
            manifest[property] = JsonNode.Parse(json);
        }

        Assert.Single(SchemaCheck.Problems(schema.RootElement, JsonSerializer.SerializeToElement(manifest)));
    }

    [Fact]
    public void The_schema_names_every_property_that_the_manifest_can_have()
    {
        using var schema = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "models", "manifest.schema.json")));

        Assert.Equal(Names<ModelManifest>(), Properties(schema.RootElement));
        var properties = schema.RootElement.GetProperty("properties");
        Assert.Equal(Names<ModelDefaults>(), Properties(properties.GetProperty("defaults")));
        Assert.Equal(Names<ModelComponent>(), Properties(properties.GetProperty("components").GetProperty("additionalProperties")));
        Assert.Equal(Names<ModelPreset>(), Properties(properties.GetProperty("presets").GetProperty("additionalProperties")));
        Assert.Equal(Names<LatentFacts>(), Properties(properties.GetProperty("latent")));
        Assert.Equal(Names<SchedulerConfig>(), Properties(properties.GetProperty("scheduler")));
        Assert.Equal(Names<ImageEncoderFacts>(), Properties(properties.GetProperty("image_encoder")));
        Assert.Equal(Names<TokenizerFacts>(), Properties(properties.GetProperty("tokenizers").GetProperty("items")));
        Assert.Equal(Names<MemoryTerm>(), Properties(properties.GetProperty("memory").GetProperty("additionalProperties")));
        Assert.Equal(Names<EnvelopeLine>(), Properties(properties.GetProperty("envelope").GetProperty("items")));
        Assert.Equal(Names<FitProfile>(), Properties(properties.GetProperty("fit_profiles").GetProperty("items")));
        var component = properties.GetProperty("components").GetProperty("additionalProperties").GetProperty("properties");
        Assert.Equal(Names<ComponentVariant>(), Properties(component.GetProperty("variants").GetProperty("additionalProperties")));
        var parts = schema.RootElement.GetProperty("$defs");
        Assert.Equal(Names<ComponentUnit>(), Properties(parts.GetProperty("units").GetProperty("items")));
        Assert.Equal(Names<GraphInput>(), Properties(parts.GetProperty("inputs").GetProperty("items")));
    }

    [Fact]
    public void A_valid_package_is_left_alone()
    {
        var built = MotionPackage.Ensure(folder.Path);
        var marker = Path.Combine(built, "marker");
        File.WriteAllText(marker, "still the same folder");

        Assert.Equal(built, MotionPackage.Ensure(folder.Path));

        Assert.True(File.Exists(marker));
    }

    [Theory]
    [InlineData("camera.onnx")]
    [InlineData("manifest.json")]
    public void A_damaged_or_older_package_is_replaced_and_nothing_else_is_left(string damaged)
    {
        var built = MotionPackage.Ensure(folder.Path);
        var whole = Contents(built);
        File.AppendAllText(Path.Combine(built, damaged), "\n");

        MotionPackage.Ensure(folder.Path);

        Assert.Equal(whole, Contents(built));
        Assert.Equal([built], Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Several_at_once_end_with_one_whole_package()
    {
        await Parallel.ForAsync(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, (_, _) =>
        {
            MotionPackage.Ensure(folder.Path);
            return ValueTask.CompletedTask;
        });

        Assert.Equal("motion", ModelPackage.Open(Path.Combine(folder.Path, "motion")).Manifest.Name);
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    private static SortedDictionary<string, string> Contents(string package) =>
        new(Directory.EnumerateFiles(package).ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(File.ReadAllBytes(file))), StringComparer.Ordinal);

    private static List<string> Names<T>() =>
        [.. typeof(T).GetProperties().Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)).Order(StringComparer.Ordinal)];

    private static List<string> Properties(JsonElement schema) =>
        [.. schema.GetProperty("properties").EnumerateObject().Select(property => property.Name).Order(StringComparer.Ordinal)];
}
