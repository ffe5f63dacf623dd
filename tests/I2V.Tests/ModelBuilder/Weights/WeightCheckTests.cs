using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class WeightCheckTests
{
    private static readonly Dictionary<string, long[]> Needed = new() { ["conv.weight"] = [4, 3], ["conv.bias"] = [4] };

    [Fact]
    public void A_checkpoint_with_just_what_is_needed_passes()
    {
        WeightCheck.Verify([Check("vae", new(Needed)), Check("unet", new(Needed) { ["text.position_ids"] = [1, 77] })]);
        WeightCheck.Verify([new ExpectedWeights("vae", Needed, new RandomWeights("vae", 0), _ => false)]);
    }

    [Fact]
    public void All_that_is_wrong_in_all_folders_is_one_error()
    {
        var error = Assert.Throws<WeightsException>(() => WeightCheck.Verify([
            Check("vae", new() { ["conv.weight"] = [3, 4], ["extra.weight"] = [5] }),
            Check("unet", new() { ["conv.bias"] = [4] }),
        ]));

        Assert.Contains("2 missing (unet/conv.weight [4, 3], vae/conv.bias [4])", error.Message, StringComparison.Ordinal);
        Assert.Contains("1 unexpected (vae/extra.weight [5])", error.Message, StringComparison.Ordinal);
        Assert.Contains("1 wrongly shaped (vae/conv.weight [3, 4] instead of [4, 3])", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_lists_are_counted_and_cut()
    {
        var many = Enumerable.Range(10, 25).ToDictionary(i => $"block.{i}", _ => new long[] { 1 });

        var error = Assert.Throws<WeightsException>(() => WeightCheck.Verify([new ExpectedWeights("unet", many, new Listed([]), _ => false)]));

        Assert.Contains("25 missing (unet/block.10 [1], ", error.Message, StringComparison.Ordinal);
        Assert.Contains("unet/block.29 [1] and 5 more)", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("unexpected", error.Message, StringComparison.Ordinal);
    }

    private static ExpectedWeights Check(string source, Dictionary<string, long[]> there) =>
        new(source, Needed, new Listed(there), key => key.EndsWith("position_ids", StringComparison.Ordinal));

    private sealed class Listed(Dictionary<string, long[]> tensors) : IWeightSource
    {
        public IReadOnlyDictionary<string, long[]>? Tensors => tensors;

        public void Read(string key, ReadOnlySpan<long> shape, Span<float> into) => throw new InvalidOperationException("Checking reads no weights.");
    }
}
