using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Packages;
using I2V.Tests.Inference;
using I2V.Tests.ModelBuilder.Architectures;
using I2V.Tests.Parity;

namespace I2V.Tests.ModelBuilder.Packages;

/// <summary>Other ways to write the denoiser: feed-forward layers in one, matrices in 8 bits.</summary>
public sealed class VariantTests(UnitPackage tiny) : IClassFixture<UnitPackage>
{
    /// <summary>Relative; docs/models.md states it.</summary>
    private const double EightBitTolerance = 0.03;

    private ComponentVariant EightBit => tiny.Unet.Variants![ComponentVariant.EightBit];

    [Theory]
    [InlineData(1, 3, 8, 8)]
    [InlineData(2, 4, 16, 8)]
    public void Eight_bit_matrices_move_the_output_by_a_little_and_not_by_nothing(int b, int f, int h, int w)
    {
        using var exact = new UnitRunner(tiny.Package.GraphPath("unet"), tiny.Unet.Inputs!, ["noise_pred"], Loaded);
        using var eight = new UnitRunner(tiny.Package.GraphPath("unet", "int8"), EightBit.Inputs!, ["noise_pred"], Loaded);
        var inputs = UnitRunner.Inputs(b, f, h, w);

        var error = Measures.Relative(
            eight.Run(UnitRunner.Sizes(b, f, h, w), inputs, "noise_pred"), exact.Run(UnitRunner.Sizes(b, f, h, w), inputs, "noise_pred"));

        Measures.Print($"int8 at {b}×{f}×{h}×{w}: {error:0.00e-0} relative");
        Assert.InRange(error, 1e-4, EightBitTolerance);
        inputs.Values.ToList().ForEach(input => input.Dispose());
    }

    [Fact]
    public void Units_of_the_eight_bit_denoiser_give_bit_for_bit_what_it_gives_whole()
    {
        using var whole = new UnitRunner(tiny.Package.GraphPath("unet", "int8"), EightBit.Inputs!, ["noise_pred"], Loaded);
        using var units = new UnitRunner(tiny.Package, EightBit.Units!, Loaded);
        var inputs = UnitRunner.Inputs(2, 3, 8, 16);

        Assert.Equal(whole.Run(UnitRunner.Sizes(2, 3, 8, 16), inputs, "noise_pred"), units.Run(UnitRunner.Sizes(2, 3, 8, 16), inputs, "noise_pred"));
        inputs.Values.ToList().ForEach(input => input.Dispose());
    }

    [Fact]
    public void Loaded_weights_stay_in_eight_bits()
    {
        using var folder = new TemporaryFolder();
        using var options = Loaded();
        options.AddSessionConfigEntry("session.optimized_model_filepath", folder.File("loaded.onnx"));
        using var session = new InferenceSession(tiny.Package.GraphPath("unet", "int8"), options);

        var (written, loaded) = (OnnxContents.Read(tiny.Package.GraphPath("unet", "int8")), OnnxContents.Read(folder.File("loaded.onnx")));

        var matrices = written.Operators.Count(name => name == "DequantizeLinear");
        Assert.InRange(matrices, 100, 500);
        Assert.Equal(matrices, loaded.Operators.Count(name => name == "DequantizeLinear"));
        Assert.Equal(
            written.Constants.Count(constant => constant.Type == (long)TensorElementType.Int8), loaded.Constants.Count(constant => constant.Type == (long)TensorElementType.Int8));
    }

    [Theory]
    [InlineData("session.disable_qdq_constant_folding")]
    [InlineData("session.disable_quant_qdq")]
    public void One_of_the_two_options_would_not_keep_them(string alone)
    {
        using var folder = new TemporaryFolder();
        using var options = new SessionOptions();
        options.AddSessionConfigEntry(alone, "1");
        options.AddSessionConfigEntry("session.optimized_model_filepath", folder.File("loaded.onnx"));
        using var session = new InferenceSession(tiny.Package.GraphPath("unet", "int8"), options);

        Assert.DoesNotContain("DequantizeLinear", OnnxContents.Read(folder.File("loaded.onnx")).Operators);
    }

    [Fact]
    public async Task Half_precision_loads_and_runs_in_eight_bits_too()
    {
        using var folder = new TemporaryFolder();
        using var checkpoint = I2VGenXlCheckpoints.Random(RandomSize.Tiny, 3);
        var plan = I2VGenXlPackage.Plan(checkpoint, new PackageSettings { Target = Target.Portable, Precision = TensorElementType.Float16, EightBit = true });
        await PackageWriter.WriteAsync(plan, folder.File("half"), progress: null, TestContext.Current.CancellationToken);
        using var options = Loaded();
        using var session = new InferenceSession(ModelPackage.Open(folder.File("half")).GraphPath("unet", "int8"), options);

        Assert.Equal(TensorElementType.Float16, session.InputMetadata["context"].ElementDataType);
    }

    [Fact]
    public void Feed_forward_layers_in_one_share_the_weights_file_and_have_no_chunks()
    {
        var unet = FullDenoiser.Fused;
        var whole = unet.Variants[ComponentVariant.Whole];

        Assert.Equal(("unet.whole.onnx", "unet.weights", false), (whole.GraphFile, whole.WeightsFile, whole.WritesWeights));
        Assert.True(whole.Layout.IsSameAs(unet.Base.Layout));
        Assert.Contains(unet.Base.Graph.Described, input => input.Kind == "split");
        Assert.DoesNotContain(whole.Graph.Described, input => input.Kind == "split");
        Assert.Equal(unet.Base.Graph.Nodes.Count(node => node.OpType == "BiasSplitGelu"), whole.Graph.Nodes.Count(node => node.OpType == "BiasSplitGelu") + (3 * 11) + (1 * 10));
        Assert.Null(unet.Described.Variants![ComponentVariant.Whole].Units);
    }

    [Fact]
    public void A_variant_whose_weights_lie_elsewhere_cannot_share_the_file()
    {
        var (one, other) = (new Graph("net"), new Graph("net"));
        one.Output("y", one.Weight("w", TensorElementType.Float, [2], () => new byte[8]), 2);
        other.Output("y", other.Weight("w", TensorElementType.Float, [1], () => new byte[4]), 1);
        var network = new BuiltNetwork("net", "net", one, new Dictionary<string, long[]>())
        {
            Variants = new Dictionary<string, NetworkVariant> { ["whole"] = new(other, OwnWeights: false) },
        };

        Assert.Contains("cannot share net.weights", Assert.Throws<InvalidOperationException>(() => new PlannedComponent(network, Target.Portable, "1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Eight_bits_halve_the_matrices_of_the_published_size_and_nothing_else()
    {
        var unet = FullDenoiser.Fused;
        var eight = unet.Variants[ComponentVariant.EightBit];
        var matrices = eight.Graph.Initializers.Where(initializer => initializer.Value.Type == TensorElementType.Int8).Sum(initializer => Initializer.LengthOf(initializer.Value, initializer.Shape));

        Measures.Print($"unet {unet.Base.WeightBytes}, int8 {eight.WeightBytes}, of which {matrices} in 8 bits; largest unit {eight.Units.Max(unit => unit.WeightBytes)}");
        Assert.Equal(unet.Base.WeightBytes + eight.WeightBytes, unet.WeightBytes);
        Assert.InRange(unet.Base.WeightBytes - eight.WeightBytes - matrices, -4_000_000, 0); // scales, and pages that they begin
        Assert.InRange((double)eight.WeightBytes / unet.Base.WeightBytes, 0.78, 0.84);
        Assert.Equal(GraphUnits.Cut(unet.Base.Graph).Select(unit => unit.Name), GraphUnits.Cut(eight.Graph).Select(unit => unit.Name));
    }

    /// <summary>As the product loads graphs on the processor.</summary>
    private static SessionOptions Loaded()
    {
        var options = new SessionOptions();
        GraphLoader.KeepEightBit(options);
        return options;
    }
}
