using System.Text.Json;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;

namespace I2V.Tests.Parity;

/// <summary>Constants that no weight's shape tells, such as numbers of heads and groups, against what the reference was run with.</summary>
public sealed class ConfigurationParityTests
{
    [Theory]
    [InlineData("tiny", RandomSize.Tiny)]
    [InlineData("small", RandomSize.Small)]
    [InlineData("full", RandomSize.Full)]
    public void Networks_have_the_reference_s_sizes(string name, RandomSize size)
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(size, 4);
        var ours = Fixtures.Write(checkpoint.Configs);
        var given = Fixtures.Configs.GetProperty("sizes").GetProperty(name);

        Assert.Equal(I2VGenXl.Sources.Order(), given.EnumerateObject().Select(component => component.Name).Order());
        foreach (var component in given.EnumerateObject())
        {
            Assert.All(component.Value.EnumerateObject(), field =>
                Assert.Equal($"{component.Name}.{field.Name} {Text(field.Value)}", $"{component.Name}.{field.Name} {Text(ours.GetProperty(component.Name).GetProperty(field.Name))}"));
        }
    }

    [Fact]
    public void A_package_s_constants_are_those_that_the_reference_was_run_with()
    {
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, 4);
        var manifest = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = TensorElementType.Float }).Manifest;
        var given = Fixtures.Configs;

        Assert.Equal(Numbers(given.GetProperty("image_mean")), manifest.ImageEncoder!.Mean);
        Assert.Equal(Numbers(given.GetProperty("image_std")), manifest.ImageEncoder.Std);
        Assert.Equal(224, manifest.ImageEncoder.Size);
        Assert.Equal(given.GetProperty("negative_prompt").GetString(), manifest.Defaults.NegativePrompt);
        Assert.Equal(new LatentFacts(4, 8, 1, 0.18125), manifest.Latent);
        var (scheduler, ours) = (given.GetProperty("scheduler"), Fixtures.Write(manifest.Scheduler));
        Assert.All(scheduler.EnumerateObject(), field => Assert.Equal($"{field.Name} {Text(field.Value)}", $"{field.Name} {Text(ours.GetProperty(field.Name))}"));
        Assert.Equal(["clip_sample_range"], ours.EnumerateObject().Select(field => field.Name).Except(scheduler.EnumerateObject().Select(field => field.Name)));
    }

    [Fact]
    public void The_reference_ran_without_errors_and_its_numbers_stay_small()
    {
        var versions = Fixtures.Record.GetProperty("versions");
        Measures.Print($"torch {versions.GetProperty("torch")}, diffusers {versions.GetProperty("diffusers")}, transformers {versions.GetProperty("transformers")}");

        Assert.Empty(Fixtures.Record.GetProperty("errors").EnumerateObject());
        Assert.Equal(
            (Fixtures.Configs.GetProperty("weight_seed").GetInt32(), Fixtures.Configs.GetProperty("input_seed").GetInt32()),
            (versions.GetProperty("weight_seed").GetInt32(), versions.GetProperty("input_seed").GetInt32()));
        Assert.InRange(new DirectoryInfo(Fixtures.Folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length), 1, 10_000_000);
    }

    private static double[] Numbers(JsonElement values) => [.. values.EnumerateArray().Select(value => value.GetDouble())];

    /// <summary>The same for the same value, however it is written.</summary>
    private static string Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => string.Join(' ', value.EnumerateArray().Select(Text)),
        JsonValueKind.Number => FormattableString.Invariant($"{value.GetDouble()}"),
        _ => value.ToString(),
    };
}
