using I2V.Inference.Models;

namespace I2V.Tests.Inference;

/// <summary>What a manifest says about memory is checked before a plan is made from it.</summary>
public sealed class FitChecksTests
{
    [Fact]
    public void What_the_builder_writes_is_in_order() => Assert.Empty(FitChecks.Run(Sample()));

    [Theory]
    [InlineData(-1, 1.0)]
    [InlineData(1, -0.5)]
    [InlineData(1, double.NaN)]
    [InlineData(1, double.PositiveInfinity)]
    public void Terms_are_not_negative(long fixedBytes, double perVoxel) =>
        Assert.StartsWith("memory.net must not be negative", Assert.Single(FitChecks.Run(WithTerm("net", new MemoryTerm(fixedBytes, perVoxel)))), StringComparison.Ordinal);

    [Fact]
    public void The_envelope_goes_from_the_smallest_card_to_any_card()
    {
        Assert.Contains("must have a line", Problem(), StringComparison.Ordinal);
        Assert.Contains("every line but the last", Problem(new EnvelopeLine(1, 1, 1)), StringComparison.Ordinal);
        Assert.Contains("every line but the last", Problem(new EnvelopeLine(null, 1, 1), new EnvelopeLine(null, 1, 1)), StringComparison.Ordinal);
        Assert.Contains("from the smallest card", Problem(new EnvelopeLine(2, 1, 1), new EnvelopeLine(2, 1, 1), new EnvelopeLine(null, 1, 1)), StringComparison.Ordinal);
        Assert.Contains("from the smallest card", Problem(new EnvelopeLine(1, 2, 1), new EnvelopeLine(null, 1, 1)), StringComparison.Ordinal);
        Assert.Contains("from the smallest card", Problem(new EnvelopeLine(1, 1, 2), new EnvelopeLine(null, 1, 1)), StringComparison.Ordinal);
        Assert.Contains("allow a pixel and a frame", Problem(new EnvelopeLine(null, 0, 1)), StringComparison.Ordinal);

        static string Problem(params EnvelopeLine[] lines) => Assert.Single(FitChecks.Run(Sample() with { Envelope = lines }));
    }

    [Fact]
    public void A_run_takes_a_voxel_at_least()
    {
        var graph = new ModelComponent("net.onnx", "fused", 1) { MaxVoxels = 0, Variants = new Dictionary<string, ComponentVariant> { ["whole"] = new("whole.onnx", 1) { MaxVoxels = -1 } } };
        ModelManifest With(ModelComponent component) => Sample() with { Components = new Dictionary<string, ModelComponent> { ["net"] = component } };

        Assert.Equal(
            ["components.net.max_voxels must be at least 1, but it is 0", "components.net.variants.whole.max_voxels must be at least 1, but it is -1"],
            FitChecks.Run(With(graph)));
        Assert.Empty(FitChecks.Run(With(graph with { MaxVoxels = 1, Variants = null })));
    }

    [Fact]
    public void Profiles_are_of_films_and_not_negative()
    {
        var profile = new FitProfile { Device = "card", Rung = "resident", Width = 512, Height = 512, NumFrames = 16, Guided = true, PhasePeakBytes = new Dictionary<string, long> { ["denoising"] = 1 } };

        Assert.Empty(FitChecks.Run(Sample() with { FitProfiles = [profile with { SecondsPerStep = 0.1 }] }));
        Assert.Equal(["fit_profiles[1] must be of a film, but its size is 512 × 0 × 16"], FitChecks.Run(Sample() with { FitProfiles = [profile, profile with { Height = 0 }] }));
        Assert.Equal(["fit_profiles[0] has a negative number of bytes or seconds"], FitChecks.Run(Sample() with { FitProfiles = [profile with { DecodeSeconds = -1 }] }));
        Assert.Equal(
            ["fit_profiles[0] has a negative number of bytes or seconds"],
            FitChecks.Run(Sample() with { FitProfiles = [profile with { PhasePeakBytes = new Dictionary<string, long> { ["denoising"] = -1 } }] }));
    }

    private static ModelManifest WithTerm(string name, MemoryTerm term) => Sample() with { Memory = new Dictionary<string, MemoryTerm> { [name] = term } };

    private static ModelManifest Sample() => new()
    {
        Name = "sample",
        Family = "i2vgen-xl",
        Version = "1.0.0",
        Precision = "fp32",
        Components = new Dictionary<string, ModelComponent> { ["net"] = new("graph.onnx", "portable", 0) },
        Frames = new FrameLimits("any", 1, 8),
        Sizes = new SizeLimits(2, 64, 512, 256),
        Fps = new Range<int>(1, 30),
        UsedSettings = ["prompt"],
        Defaults = new ModelDefaults { NumFrames = 4, Fps = 8 },
        Memory = new Dictionary<string, MemoryTerm> { ["net"] = new(1, 2.5) },
        Envelope = [new(12L << 30, 466_033, 16), new(null, 1_864_135, 32)],
        Files = new Dictionary<string, string>(),
    };
}
