namespace I2V.Tests.Parity;

/// <summary>The tiny networks in fp32 against the reference's modules with the same weights and inputs.</summary>
[Collection<TinyPackageTests>]
public sealed class NetworkParityTests(TinyPackage package)
{
    private const double Tolerance = 1e-4; // relative

    /// <summary>Of how far a replaced input moves the output, against how far it moves the reference's.</summary>
    private const double MoveTolerance = 1e-3;

    public static TheoryData<string> Cases => [.. NetworkCase.All.Keys];

    public static TheoryData<string, string> Replacements => [.. NetworkCase.All.Values.SelectMany(entry => entry.Sensitivity.Keys.Select(what => (entry.Name, what)))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_are_the_reference_s(string name)
    {
        var entry = NetworkCase.All[name];
        var expected = Fixtures.Tensors($"networks/{name}");
        var found = package.Outputs(entry);

        Assert.Equal(entry.Outputs.Keys.Order(), found.Keys.Order());
        foreach (var (output, numbers) in found)
        {
            var error = Measures.Relative(numbers, expected[output].Floats);
            Measures.Print($"{name} {output}: {error:0.00e-0} relative, {Measures.Largest(numbers, expected[output].Floats):0.0e-0} at most");
            Assert.True(error <= Tolerance, $"{output} of {name} differs by {error}.");
        }
    }

    [Theory]
    [MemberData(nameof(Replacements))]
    public void Replacing_one_input_moves_the_output_as_far_as_it_moves_the_reference_s(string name, string what)
    {
        var entry = NetworkCase.All[name];
        var (before, after) = (package.Outputs(entry), entry.Run(package.Load, what));
        foreach (var output in entry.Outputs.Keys)
        {
            var (moved, expected) = (Measures.Relative(after[output], before[output]), entry.Moved(what, output));
            Measures.Print($"{name}, other {what}: {output} moves by {moved:f5}, the reference's by {expected:f5}");
            Assert.InRange(moved, expected * (1 - MoveTolerance), expected * (1 + MoveTolerance));
        }

        var last = entry.Component == "unet" ? "noise_pred" : entry.Outputs.Keys.Single();
        Assert.True(Measures.Relative(after[last], before[last]) >= 10 * Tolerance, $"{last} hardly depends on {what}.");
    }

    [Fact]
    public void The_denoiser_s_cases_replace_everything_that_it_is_told()
    {
        var entries = NetworkCase.All.Values.Where(entry => entry.Component == "unet").ToList();

        Assert.All(entries, entry => Assert.Equal(
            ["encoder_hidden_states", "first_frame_latents", "fps", "image_embeddings", "sample", "timestep"],
            entry.Sensitivity.Keys.Where(what => what != "later_frame_latents").Order()));
        Assert.All(entries, entry => Assert.Equal(entry.Inputs["sample"].Shape![2] > 1, entry.Sensitivity.ContainsKey("later_frame_latents")));
        Assert.Equal([1, 3, 5, 7, 16], entries.Select(entry => entry.Inputs["sample"].Shape![2]).Order());
    }
}
