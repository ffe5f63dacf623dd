using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Weights;
using I2V.Tests.ModelBuilder.Architectures;

namespace I2V.Tests.ModelBuilder.Packages;

/// <summary>The denoiser cut into units over one weights file.</summary>
public sealed class UnitTests(UnitPackage tiny) : IClassFixture<UnitPackage>
{
    [Theory]
    [InlineData(1, 1, 8, 8)]
    [InlineData(2, 5, 8, 16)]
    [InlineData(1, 3, 24, 8)]
    [InlineData(2, 2, 16, 16)]
    public void Units_one_after_the_other_give_bit_for_bit_what_the_whole_graph_gives(int b, int f, int h, int w)
    {
        using var whole = new UnitRunner(tiny.Package.GraphPath("unet"), tiny.Unet.Inputs!, ["noise_pred"]);
        using var units = new UnitRunner(tiny.Package, tiny.Unet.Units!);
        var inputs = UnitRunner.Inputs(b, f, h, w);

        var expected = whole.Run(UnitRunner.Sizes(b, f, h, w), inputs, "noise_pred");
        var found = units.Run(UnitRunner.Sizes(b, f, h, w), inputs, "noise_pred");

        Assert.Equal(expected.AsSpan(), found.AsSpan());
        Assert.True(expected.Max() - expected.Min() > 1e-3, "The output is constant.");
        inputs.Values.ToList().ForEach(input => input.Dispose());
    }

    [Fact]
    public void Units_bear_the_names_of_the_checkpoint_s_parts_in_running_order()
    {
        var names = Cut(Target.Portable, TensorElementType.Float).Select(unit => unit.Name).ToList();

        Assert.Equal(
            ["stem", "transformer_in", "down_blocks.0.resnets.0", "down_blocks.0.temp_convs.0", "down_blocks.0.attentions.0", "down_blocks.0.temp_attentions.0", "down_blocks.0.downsamplers.0"],
            names.Take(7));
        Assert.Contains("up_blocks.2.upsamplers.0", names);
        Assert.Equal("tail", names[^1]);
        Assert.Equal(names.Count, names.Distinct().Count());
    }

    [Fact]
    public void Neighbours_that_are_no_larger_than_the_largest_part_are_one_unit()
    {
        var cut = Cut(Target.Portable, TensorElementType.Float);
        var names = cut.Select(part => part.Name).ToList();
        var next = 0;
        foreach (var (unit, number) in tiny.Unet.Units!.Select((unit, number) => (unit, number)))
        {
            var (first, last) = (names.IndexOf(unit.Name.Split("..")[0]), names.IndexOf(unit.Name.Split("..")[^1]));
            Assert.Equal((next, $"unet.{number:00}-{unit.Name}.onnx"), (first, unit.Graph));
            Assert.Equal(cut.Skip(first).Take(last + 1 - first).Sum(part => part.WeightBytes), unit.WeightBytes);
            Assert.True(number == 0 || unit.WeightBytes + tiny.Unet.Units![number - 1].WeightBytes > cut.Max(part => part.WeightBytes), $"{unit.Name} would have had room in the unit before it.");
            next = last + 1;
        }

        Assert.Equal(names.Count, next);
        Assert.Equal(cut.Max(part => part.WeightBytes), tiny.Unet.Units!.Max(unit => unit.WeightBytes));
    }

    [Fact]
    public void Every_weight_belongs_to_one_unit_and_lies_where_the_whole_graph_has_it()
    {
        var whole = Parts("unet.onnx").ToDictionary(part => part.Tensor, part => (part.Location, part.Offset, part.Length));
        var seen = tiny.Unet.Units!.SelectMany(unit => Parts(unit.Graph)).ToList();

        Assert.Equal(whole.Count, seen.Count);
        Assert.All(seen, part => Assert.Equal(whole[part.Tensor], (part.Location, part.Offset, part.Length)));
        Assert.Equal(seen.Select(part => part.Offset).Order(), seen.Select(part => part.Offset)); // one stretch of the file for each unit
        Assert.All(tiny.Unet.Units!, unit => Assert.Equal(unit.WeightBytes, Parts(unit.Graph).Sum(part => (long)part.Length)));
    }

    [Fact]
    public void At_full_size_no_unit_is_larger_than_a_resnet_of_the_widest_level()
    {
        var units = FullDenoiser.Fused.Base.Units;
        var cut = GraphUnits.Cut(FullDenoiser.Fused.Base.Graph);
        var largest = cut.MaxBy(unit => unit.WeightBytes)!;

        Assert.Contains(".resnets.", largest.Name, StringComparison.Ordinal);
        Assert.InRange(largest.WeightBytes, 90_000_000, 98_500_000);
        Assert.Equal((22 * 2) + (16 * 2) + 1 + 6 + 2, cut.Count); // resnets with convolutions in time, transformers, transformer_in, samplers, ends
        Assert.Equal(largest.WeightBytes, units.Max(unit => unit.WeightBytes));
        Assert.Equal(cut.Sum(unit => unit.WeightBytes), units.Sum(unit => unit.WeightBytes));
        Assert.Equal(41, units.Count);
    }

    [Fact]
    public void Units_of_both_targets_bear_the_same_names()
    {
        Assert.Equal(Cut(Target.Fused, TensorElementType.Float16).Select(unit => unit.Name), Cut(Target.Portable, TensorElementType.Float).Select(unit => unit.Name));
    }

    private static IReadOnlyList<GraphUnit> Cut(Target target, TensorElementType precision) =>
        GraphUnits.Cut(I2VGenXl.Networks(I2VGenXlConfigs.Tiny, _ => new RandomWeights("", 0), target, precision).Single(network => network.Name == "unet").Graph);

    private IReadOnlyList<ExternalPart> Parts(string graph) => OnnxExternalData.Read(File.ReadAllBytes(Path.Combine(tiny.Package.Folder, graph)));
}
