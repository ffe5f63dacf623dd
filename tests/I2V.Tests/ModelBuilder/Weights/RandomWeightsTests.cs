using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class RandomWeightsTests
{
    [Fact]
    public void Philox_gives_its_known_answers()
    {
        Assert.Equal((0x6627E8D5u, 0xE169C58Du, 0xBC57AC4Cu, 0x9B00DBD8u), Philox.Block(0, 0));
        Assert.NotEqual(Philox.Block(0, 1), Philox.Block(0, 1ul << 32));
        Assert.NotEqual(Philox.Block(1, 0), Philox.Block(1ul << 32, 0));
    }

    [Theory]
    [InlineData("conv_in.weight", new long[] { 320, 8, 3, 3 }, new uint[] { 0xBDE73816, 0x3E049EB0, 0x3DFDE0B6, 0x3E3F34D5 })]
    [InlineData("conv_in.bias", new long[] { 320 }, new uint[] { 0xBDC51353, 0x3DBCAC1A, 0x3CC0503A, 0x3DC8678D })]
    public void Weights_of_a_name_are_the_published_ones(string key, long[] shape, uint[] expected) =>
        Assert.Equal(expected, Read("unet", 0, key, shape).Take(4).Select(BitConverter.SingleToUInt32Bits));

    [Theory]
    [InlineData("down_blocks.0.resnets.0.norm1.weight", new long[] { 320 }, 1, 0.1)]
    [InlineData("down_blocks.0.resnets.0.norm1.bias", new long[] { 320 }, 0, 0.1)]
    [InlineData("text_model.embeddings.token_embedding.weight", new long[] { 100, 64 }, 0, 0.8660254037844386)]
    [InlineData("text_model.embeddings.position_embedding.weight", new long[] { 77, 64 }, 0, 0.8660254037844386)]
    [InlineData("vision_model.embeddings.class_embedding", new long[] { 64 }, 0, 0.8660254037844386)]
    [InlineData("conv_in.weight", new long[] { 320, 3, 2, 2 }, 0, 0.5)]
    [InlineData("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight", new long[] { 5, 24 }, 0, 0.5)]
    [InlineData("text_model.encoder.layers.0.self_attn.k_proj.weight", new long[] { 5, 24 }, 0, 0.5)]
    [InlineData("a.attn1.to_v.weight", new long[] { 5, 12 }, 0, 0.5)]
    [InlineData("a.attn1.to_out.0.weight", new long[] { 5, 6 }, 0, 0.5)]
    [InlineData("a.ff.net.2.weight", new long[] { 5, 6 }, 0, 0.5)]
    [InlineData("a.ff.net.0.proj.weight", new long[] { 5, 12 }, 0, 0.5)]
    [InlineData("a.proj_out.weight", new long[] { 5, 6 }, 0, 0.5)]
    [InlineData("a.resnets.0.conv2.weight", new long[] { 5, 6, 1, 1 }, 0, 0.5)]
    [InlineData("a.temp_convs.0.conv2.3.weight", new long[] { 5, 4, 3, 1, 1 }, 0, 0.5)]
    [InlineData("a.temp_convs.0.conv4.3.weight", new long[] { 5, 2, 3, 1, 1 }, 0, 0.5)]
    [InlineData("a.temp_convs.0.conv4.0.weight", new long[] { 64 }, 1, 0.1)]
    [InlineData("a.mlp.fc2.weight", new long[] { 5, 6 }, 0, 0.5)]
    [InlineData("a.mlp.fc1.weight", new long[] { 5, 12 }, 0, 0.5)]
    [InlineData("a.self_attn.out_proj.weight", new long[] { 5, 6 }, 0, 0.5)]
    [InlineData("context_embedding.2.weight", new long[] { 5, 72 }, 0, 0.5)]
    [InlineData("context_embedding.0.weight", new long[] { 5, 12 }, 0, 0.5)]
    [InlineData("image_latents_context_embedding.3.weight", new long[] { 5, 4, 3, 3 }, 0, 0.5)]
    [InlineData("image_latents_context_embedding.5.weight", new long[] { 5, 4, 3, 3 }, 0, 0.5)]
    [InlineData("image_latents_context_embedding.0.weight", new long[] { 5, 3, 2, 2 }, 0, 0.5)]
    public void Each_kind_of_weight_has_its_own_range(string key, long[] shape, float start, double bound)
    {
        var range = RandomWeights.Range(key, shape);
        var values = Read("unet", 7, key, shape);

        Assert.Equal(start, range.Start);
        Assert.Equal(bound, range.Bound, 1e-12);
        Assert.All(values, value => Assert.InRange(value, start - bound - 1e-6, start + bound + 1e-6));
        Assert.True(values.Max() - values.Min() > bound);
    }

    [Fact]
    public void Every_element_comes_from_its_own_counter_across_batches_and_ragged_ends()
    {
        long[] shape = [(1 << 22) + (1 << 16) + 7];
        const string Key = "somewhere.weight_table";
        var values = Read("unet", 3, Key, shape);
        var again = Read("unet", 3, Key, [1 << 16]);

        Assert.Equal(again, values.Take(again.Length));
        Assert.True(values.Count(value => value == 0) < 10);
        foreach (var end in new[] { 1 << 22, (1 << 22) + (1 << 16), values.Length })
        {
            // A shorter tensor of the same fan is the beginning of a longer one, wherever it ends.
            Assert.Equal(Read("unet", 3, Key, [end - 3]).TakeLast(9), values.Take(end - 3).TakeLast(9));
        }
    }

    [Fact]
    public void Component_key_and_seed_each_give_other_weights()
    {
        var one = Read("unet", 0, "conv.weight", [4, 4]);

        Assert.NotEqual(one, Read("vae", 0, "conv.weight", [4, 4]));
        Assert.NotEqual(one, Read("unet", 1, "conv.weight", [4, 4]));
        Assert.NotEqual(one, Read("unet", 0, "conv2.weight", [4, 4]));
        Assert.Equal(one, Read("unet", 0, "conv.weight", [4, 4]));
    }

    [Fact]
    public void Room_for_another_shape_is_refused() =>
        Assert.Throws<ArgumentException>(() => new RandomWeights("unet", 0).Read("w", [2, 3], new float[5]));

    private static float[] Read(string component, ulong seed, string key, long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        new RandomWeights(component, seed).Read(key, shape, values);
        return values;
    }
}
