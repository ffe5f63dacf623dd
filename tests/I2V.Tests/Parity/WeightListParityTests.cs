using System.Globalization;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.Parity;

/// <summary>Names and shapes of weights against those of the reference's modules, which are the published checkpoint's.</summary>
public sealed class WeightListParityTests
{
    [Theory]
    [InlineData("tiny", Target.Portable)]
    [InlineData("small", Target.Portable)]
    [InlineData("small", Target.Fused)]
    [InlineData("full", Target.Portable)]
    [InlineData("full", Target.Fused)]
    public void The_networks_ask_for_the_reference_s_weights_except_for_the_layer_that_is_skipped(string size, Target target)
    {
        var configs = Configs(size);
        var expected = Expected(size);
        var asked = Asked(configs, target);
        var unused = expected.Keys.Except(asked.Keys).ToList();
        var elements = asked.Values.Sum(shape => shape.Split(' ').Aggregate(1L, (product, side) => product * long.Parse(side, CultureInfo.InvariantCulture)));
        Measures.Print($"{size}, {target}: {expected.Count} tensors, {asked.Count} asked for ({elements} numbers), {unused.Count} of the skipped layer");

        Assert.Empty(asked.Keys.Except(expected.Keys));
        Assert.All(asked, weight => Assert.Equal((weight.Key, expected[weight.Key]), (weight.Key, weight.Value)));
        var last = $"text_encoder/text_model.encoder.layers.{configs.TextEncoder.NumHiddenLayers - 1}.";
        Assert.Equal(expected.Keys.Where(name => name.StartsWith(last, StringComparison.Ordinal)).Order(), unused.Order());
        Assert.Equal(16, unused.Count);
        Assert.All(expected.Keys, name => Assert.Equal(unused.Contains(name), I2VGenXl.MayBeUnused(configs, name.Split('/')[0], name.Split('/')[1])));
    }

    [Theory]
    [InlineData("tiny", "small")]
    [InlineData("small", "full")]
    [InlineData("full", "tiny")]
    public void Networks_of_another_size_ask_for_other_weights(string size, string other)
    {
        var (asked, expected) = (Asked(Configs(other), Target.Portable), Expected(size));

        Assert.Contains(asked, weight => !expected.TryGetValue(weight.Key, out var shape) || shape != weight.Value);
    }

    private static I2VGenXlConfigs Configs(string size) => size switch
    {
        "tiny" => I2VGenXlConfigs.Tiny,
        "small" => I2VGenXlConfigs.Small,
        _ => I2VGenXlConfigs.Full,
    };

    /// <summary>Component/name → shape.</summary>
    private static Dictionary<string, string> Expected(string size) =>
        File.ReadLines(Path.Combine(Fixtures.Folder, $"weights-{size}.txt")).Select(line => line.Split(' ', 2)).ToDictionary(line => line[0], line => line[1]);

    private static Dictionary<string, string> Asked(I2VGenXlConfigs configs, Target target) =>
        I2VGenXl.Networks(configs, source => new RandomWeights(source, 4), target, target == Target.Fused ? TensorElementType.Float16 : TensorElementType.Float)
            .SelectMany(network => network.Weights.Select(weight => (Name: $"{network.Source}/{weight.Key}", Shape: string.Join(' ', weight.Value))))
            .Distinct()
            .ToDictionary(weight => weight.Name, weight => weight.Shape);
}
