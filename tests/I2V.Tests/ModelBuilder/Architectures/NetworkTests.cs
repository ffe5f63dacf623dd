using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Architectures;

/// <summary>Tiny networks in the portable target: one graph for every size. That their numbers are right is for the comparison with the reference.</summary>
public sealed class NetworkTests
{
    private static readonly I2VGenXlConfigs Configs = I2VGenXlConfigs.Tiny;

    [Fact]
    public void One_text_encoder_takes_every_batch()
    {
        using var network = Load("text_encoder");
        foreach (var b in (int[])[1, 2, 3])
        {
            using var ids = Ids(b);
            using var output = network.Run((b, 1, 1, 1), "prompt_embeds", ("input_ids", ids));
            Assert.Equal([b, 77, 64], Shape(output));
            AssertFinite(output);
        }
    }

    [Fact]
    public void One_image_encoder_takes_every_batch()
    {
        using var network = Load("image_encoder");
        foreach (var b in (int[])[1, 3])
        {
            using var pixels = Noise(b, 3, 224, 224);
            using var output = network.Run((b, 1, 1, 1), "image_embeds", ("pixel_values", pixels));
            Assert.Equal([b, 64], Shape(output));
            AssertFinite(output);
        }
    }

    [Theory]
    [InlineData(1, 8, 8)]
    [InlineData(2, 8, 24)]
    [InlineData(1, 16, 8)]
    public void One_autoencoder_takes_every_size(int b, int h, int w)
    {
        using var encoder = Load("vae_encoder");
        using var decoder = Load("vae_decoder");
        using var image = Noise(b, 3, 8 * h, 8 * w);
        using var moments = encoder.Run((b, 1, h, w), "moments", ("image", image));
        using var latents = Noise(b, 4, h, w);
        using var picture = decoder.Run((b, 1, h, w), "image", ("latents", latents));

        Assert.Equal([b, 8, h, w], Shape(moments));
        Assert.Equal([b, 3, 8 * h, 8 * w], Shape(picture));
        AssertFinite(moments);
        AssertFinite(picture);
    }

    [Theory]
    [InlineData(1, 1, 8, 8)]
    [InlineData(2, 5, 8, 16)]
    [InlineData(2, 2, 24, 8)]
    [InlineData(3, 3, 16, 16)]
    public void One_denoiser_takes_every_batch_frame_count_and_size(int b, int f, int h, int w)
    {
        using var conditioning = Load("conditioning");
        using var unet = Load("unet");
        using var text = Noise(b, 77, 64);
        using var embeddings = Noise(b, 64);
        using var latents = Noise(b, 4, f, h, w);
        using var fps = OrtValue.CreateTensorValueFromMemory(Enumerable.Repeat(8f, b).ToArray(), [b]);
        (string, OrtValue)[] given = [("encoder_hidden_states", text), ("image_embeddings", embeddings), ("image_latents", latents), ("fps", fps)];
        var size = ((long)b, (long)f, (long)h, (long)w);
        using var context = conditioning.Run(size, "context", given);
        using var features = conditioning.Run(size, "image_features", given);
        using var rate = conditioning.Run(size, "fps_embedding", given);
        Assert.Equal([b, 77 + 64 + 4, 64], Shape(context));
        Assert.Equal([b, 4, f, h, w], Shape(features));
        Assert.Equal([b, 128], Shape(rate));

        using var sample = Noise(b, 4, f, h, w);
        using var step = OrtValue.CreateTensorValueFromMemory([501f], [1]);
        using var noise = unet.Run(
            size, "noise_pred", ("sample", sample), ("timestep", step), ("context", context), ("image_features", features), ("fps_embedding", rate));

        Assert.Equal([b, 4, f, h, w], Shape(noise));
        AssertFinite(noise);
    }

    [Fact]
    public void Full_size_networks_hold_as_many_weights_as_the_published_files()
    {
        var networks = I2VGenXl.Networks(I2VGenXlConfigs.Full, _ => new RandomWeights("", 0), Target.Fused, TensorElementType.Float16);
        var counts = networks
            .GroupBy(network => network.Source)
            .ToDictionary(
                source => source.Key,
                source => source.SelectMany(network => network.Weights).DistinctBy(weight => weight.Key).Sum(weight => weight.Value.Aggregate(1L, (a, d) => a * d)));

        Assert.Equal(1_420_469_224, counts["unet"]);
        Assert.Equal(83_653_863, counts["vae"]);
        Assert.Equal(632_076_800, counts["image_encoder"]);

        // Without the last layer, which is skipped.
        Assert.Equal(352_984_064 - 12_596_224, counts["text_encoder"]);
    }

    [Fact]
    public void Both_targets_take_the_same_tensors_and_weights_and_give_the_same()
    {
        var portable = I2VGenXl.Networks(Configs, _ => new RandomWeights("", 0), Target.Portable, TensorElementType.Float16);
        var fused = I2VGenXl.Networks(Configs, _ => new RandomWeights("", 0), Target.Fused, TensorElementType.Float16);

        foreach (var (one, other) in portable.Zip(fused))
        {
            Assert.Equal(Tensors(one), Tensors(other));
            Assert.Equal(one.Graph.Outputs.Select(output => (output.Value.Name, output.Value.Type)), other.Graph.Outputs.Select(output => (output.Value.Name, output.Value.Type)));
            Assert.Equal(one.Weights.OrderBy(weight => weight.Key, StringComparer.Ordinal), other.Weights.OrderBy(weight => weight.Key, StringComparer.Ordinal), SameShape);
        }

        static IEnumerable<string> Tensors(BuiltNetwork network) => network.Graph.Described.Where(input => input.Kind == "tensor").Select(input => input.Name);
        static bool SameShape(KeyValuePair<string, long[]> a, KeyValuePair<string, long[]> b) => a.Key == b.Key && a.Value.AsSpan().SequenceEqual(b.Value);
    }

    private static LoadedNetwork Load(string name) => new(
        I2VGenXl.Networks(Configs, source => new RandomWeights(source, 0), Target.Portable, TensorElementType.Float).Single(network => network.Name == name));

    private static OrtValue Ids(int b) =>
        OrtValue.CreateTensorValueFromMemory(Enumerable.Range(0, b * 77).Select(i => (long)(i * 619 % 49408)).ToArray(), [b, 77]);

    private static OrtValue Noise(params long[] shape)
    {
        var random = new Random(7);
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((random.NextDouble() * 2) - 1);
        }

        return OrtValue.CreateTensorValueFromMemory(values, shape);
    }

    private static IEnumerable<long> Shape(OrtValue value) => value.GetTensorTypeAndShape().Shape;

    private static void AssertFinite(OrtValue value)
    {
        var values = value.GetTensorDataAsSpan<float>().ToArray();
        Assert.True(Array.TrueForAll(values, float.IsFinite), "The output has values that are not finite.");
        Assert.True(values.Max() - values.Min() > 1e-3, "The output is constant.");
    }
}
