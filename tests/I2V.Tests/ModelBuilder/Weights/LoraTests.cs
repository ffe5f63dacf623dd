using I2V.ModelBuilder.Weights;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class LoraTests : IDisposable
{
    private const string Query = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    private const string Out = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0";
    private const string Conv = "down_blocks.0.resnets.0.conv1";
    private const string Projection = "down_blocks.0.attentions.0.proj_in";
    private const string TextQuery = "text_model.encoder.layers.0.self_attn.q_proj";

    private static readonly Dictionary<string, IReadOnlyDictionary<string, long[]>> Shapes = new()
    {
        ["unet"] = new Dictionary<string, long[]>
        {
            [$"{Query}.weight"] = [2, 3],
            [$"{Out}.weight"] = [2, 3],
            [$"{Conv}.weight"] = [2, 3, 3, 3],
            [$"{Projection}.weight"] = [2, 3, 1, 1],
            [$"{Query}.bias"] = [2],
        },
        ["text_encoder"] = new Dictionary<string, long[]> { [$"{TextQuery}.weight"] = [2, 3] },
    };

    private readonly TemporaryFolder folder = new();
    private readonly List<LoraFile> open = [];

    [Theory]
    [InlineData($"unet.{Query}.lora_A.weight", $"unet.{Query}.lora_B.weight", "unet", Query)]
    [InlineData($"unet.{Query}.lora_A.default.weight", $"unet.{Query}.lora_B.default.weight", "unet", Query)]
    [InlineData($"unet.{Query}.lora.down.weight", $"unet.{Query}.lora.up.weight", "unet", Query)]
    [InlineData("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight", "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.up.weight", "unet", Query)]
    [InlineData("down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.down.weight", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight", "unet", Out)]
    [InlineData("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight", "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight", "unet", Query)]
    [InlineData("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_down.weight", "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_up.weight", "unet", Out)]
    [InlineData($"text_encoder.{TextQuery}.lora_A.weight", $"text_encoder.{TextQuery}.lora_B.weight", "text_encoder", TextQuery)]
    [InlineData($"text_encoder.{TextQuery}.lora_linear_layer.down.weight", $"text_encoder.{TextQuery}.lora_linear_layer.up.weight", "text_encoder", TextQuery)]
    [InlineData("text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.down.weight", "text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.up.weight", "text_encoder", TextQuery)]
    [InlineData("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight", "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight", "text_encoder", TextQuery)]
    public void Names_of_every_tool_find_their_weight(string down, string up, string component, string module)
    {
        var merged = Merge((Lora("lora", SafetensorsTensor.Floats(down, [1, 2, 3], 1, 3), SafetensorsTensor.Floats(up, [10, 20], 2, 1)), 0.5));

        Assert.Equal(Plus(component, module, [5, 10, 15, 10, 20, 30]), Read(merged, component, module));
        Assert.All(Shapes.SelectMany(source => source.Value.Keys, (source, key) => (source.Key, key)).Where(place => place != (component, $"{module}.weight")), place =>
            Assert.Equal(Base(place.Key, place.key), ReadKey(merged, place.Key, place.key)));
    }

    [Fact]
    public void The_change_is_scale_times_alpha_over_rank_times_up_times_down()
    {
        var lora = Lora(
            "lora",
            SafetensorsTensor.Floats($"unet.{Query}.lora_A.weight", [1, 0, 2, 0, 1, 1], 2, 3),
            SafetensorsTensor.Floats($"unet.{Query}.lora_B.weight", [1, 2, 3, 4], 2, 2),
            SafetensorsTensor.Floats($"unet.{Query}.alpha", [8]));

        // up·down = [[1, 2, 4], [3, 4, 10]]; 0.25 · 8/2 = 1
        Assert.Equal(Plus("unet", Query, [1, 2, 4, 3, 4, 10]), Read(Merge((lora, 0.25)), "unet", Query));
        Assert.Equal(Plus("unet", Query, [-1, -2, -4, -3, -4, -10]), Read(Merge((lora, -0.25)), "unet", Query));
    }

    [Fact]
    public void Several_files_add_up()
    {
        var first = Lora("first", Pair(Query, [1, 2, 3], [1, 1]));
        var second = Lora("second", Pair(Query, [100, 0, 0], [0, 1]));

        Assert.Equal(Plus("unet", Query, [1, 2, 3, 201, 2, 3]), Read(Merge((first, 1), (second, 2)), "unet", Query));
    }

    [Fact]
    public void Convolutions_take_the_kernel_from_the_down_part_and_small_ones_are_linear()
    {
        var down = Enumerable.Range(1, 27).Select(i => (float)i).ToArray();
        var lora = Lora(
            "lora",
            [
                SafetensorsTensor.Floats($"unet.{Conv}.lora.down.weight", down, 1, 3, 3, 3),
                SafetensorsTensor.Floats($"unet.{Conv}.lora.up.weight", [1, 2], 2, 1, 1, 1),
                .. Pair(Projection, [1, 2, 3], [1, 2]),
            ]);

        var merged = Merge((lora, 1));

        Assert.Equal(Plus("unet", Conv, [.. down, .. down.Select(value => 2 * value)]), Read(merged, "unet", Conv));
        Assert.Equal(Plus("unet", Projection, [1, 2, 3, 2, 4, 6]), Read(merged, "unet", Projection));
    }

    [Fact]
    public void Long_rows_are_changed_to_their_end()
    {
        const int Columns = 37;
        var down = Enumerable.Range(0, Columns).Select(i => (float)i).ToArray();
        var shapes = new Dictionary<string, IReadOnlyDictionary<string, long[]>> { ["unet"] = new Dictionary<string, long[]> { ["a.weight"] = [1, Columns] } };
        var lora = Lora("lora", SafetensorsTensor.Floats("unet.a.lora_A.weight", down, 1, Columns), SafetensorsTensor.Floats("unet.a.lora_B.weight", [2], 1, 1));
        var merged = MergedWeights.Apply(new Dictionary<string, IWeightSource> { ["unet"] = new Ones() }, shapes, [(lora, 1)])["unet"];
        var values = new float[Columns];

        merged.Read("a.weight", [1, Columns], values);

        Assert.Equal(down.Select(value => 1 + (2 * value)), values);
    }

    [Fact]
    public void Keys_that_match_nothing_are_all_listed()
    {
        string[] strangers = ["unet.mid_block.to_q.lora_A.weight", "unet.mid_block.to_q.lora_B.weight", "lora_te2_x.lora_down.weight", "lora_unet_nowhere.alpha", "something.dora_scale"];
        var lora = Lora("lora", [.. strangers.Select(key => SafetensorsTensor.Floats(key, [1], 1, 1)), .. Pair(Query, [1, 2, 3], [1, 1])]);

        var error = Assert.Throws<WeightsException>(() => Merge((lora, 1)));

        Assert.StartsWith(lora.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains("5 keys match no weight", error.Message, StringComparison.Ordinal);
        Assert.All(strangers, key => Assert.Contains(key, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain(Query, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 1, 4 }, new long[] { 2, 1 })]
    [InlineData(new long[] { 1, 3 }, new long[] { 3, 1 })]
    [InlineData(new long[] { 2, 3 }, new long[] { 2, 1 })]
    [InlineData(new long[] { 0, 3 }, new long[] { 2, 0 })]
    [InlineData(new long[] { 3 }, new long[] { 2, 1 })]
    public void Pairs_of_another_shape_are_refused(long[] down, long[] up)
    {
        var lora = Lora(
            "lora",
            SafetensorsTensor.Floats($"unet.{Query}.lora_A.weight", new float[down.Aggregate((a, b) => a * b)], down),
            SafetensorsTensor.Floats($"unet.{Query}.lora_B.weight", new float[up.Aggregate((a, b) => a * b)], up));

        Assert.Contains("[2, 3]", Assert.Throws<WeightsException>(() => Merge((lora, 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_pair_and_a_part_that_comes_twice_are_refused()
    {
        var half = Lora("half", SafetensorsTensor.Floats($"unet.{Query}.lora_A.weight", [1, 2, 3], 1, 3));

        Assert.Contains("belong together", Assert.Throws<WeightsException>(() => Merge((half, 1))).Message, StringComparison.Ordinal);
        Assert.Contains("one part", Assert.Throws<WeightsException>(() => Lora(
            "twice",
            SafetensorsTensor.Floats($"unet.{Query}.lora_A.weight", [1, 2, 3], 1, 3),
            SafetensorsTensor.Floats($"unet.{Query}.lora.down.weight", [1, 2, 3], 1, 3))).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        open.ForEach(lora => lora.Dispose());
        folder.Dispose();
    }

    private static SafetensorsTensor[] Pair(string module, float[] down, float[] up) =>
    [
        SafetensorsTensor.Floats($"unet.{module}.lora_A.weight", down, 1, down.Length),
        SafetensorsTensor.Floats($"unet.{module}.lora_B.weight", up, up.Length, 1),
    ];

    private static IReadOnlyDictionary<string, IWeightSource> Merge(params (LoraFile File, double Scale)[] loras) =>
        MergedWeights.Apply(new Dictionary<string, IWeightSource> { ["unet"] = new RandomWeights("unet", 1), ["text_encoder"] = new RandomWeights("text_encoder", 1) }, Shapes, loras);

    private static float[] Read(IReadOnlyDictionary<string, IWeightSource> sources, string component, string module) => ReadKey(sources, component, $"{module}.weight");

    private static float[] ReadKey(IReadOnlyDictionary<string, IWeightSource> sources, string component, string key)
    {
        var shape = Shapes[component][key];
        var values = new float[shape.Aggregate((product, size) => product * size)];
        sources[component].Read(key, shape, values);
        return values;
    }

    private static float[] Base(string component, string key) => ReadKey(new Dictionary<string, IWeightSource> { [component] = new RandomWeights(component, 1) }, component, key);

    private static float[] Plus(string component, string module, float[] change) => [.. Base(component, $"{module}.weight").Zip(change, (weight, more) => weight + more)];

    private LoraFile Lora(string name, params SafetensorsTensor[] tensors)
    {
        var path = folder.File($"{name}.safetensors");
        SafetensorsWriter.Write(path, tensors);
        var lora = LoraFile.Open(path);
        open.Add(lora);
        return lora;
    }

    private sealed class Ones : IWeightSource
    {
        public IReadOnlyDictionary<string, long[]>? Tensors => null;

        public void Read(string key, ReadOnlySpan<long> shape, Span<float> into) => into.Fill(1);
    }
}
