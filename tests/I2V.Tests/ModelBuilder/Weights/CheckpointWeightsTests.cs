using I2V.Inference.Native;
using I2V.ModelBuilder.Weights;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class CheckpointWeightsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void The_best_file_of_a_folder_is_taken()
    {
        using (var archive = new TorchSample(folder.File("pytorch_model.bin")))
        {
            archive.Add("w", "torch FloatStorage", [1, 0, 0, 0], [1], [1], count: 1);
        }

        WriteOne("model.fp16.safetensors", 2);
        Assert.Equal(2, ReadOne());
        WriteOne("model-00001-of-00001.safetensors", 3);
        File.WriteAllText(folder.File("model.safetensors.index.json"), """{"weight_map":{"w":"model-00001-of-00001.safetensors"}}""");
        Assert.Equal(3, ReadOne());
        WriteOne("model.safetensors", 4);
        Assert.Equal(4, ReadOne());
        WriteOne("diffusion_pytorch_model.safetensors", 5);
        Assert.Equal(5, ReadOne());
    }

    [Fact]
    public void Torch_archives_serve_where_there_is_no_safetensors_file()
    {
        using (var archive = new TorchSample(folder.File("pytorch_model.bin")))
        {
            archive.Add("w", "torch FloatStorage", BitConverter.GetBytes(6f), [1], [1], count: 1);
        }

        Assert.Equal(6, ReadOne());
    }

    [Fact]
    public void A_folder_without_weights_says_what_was_looked_for()
    {
        var error = Assert.Throws<WeightsException>(() => CheckpointWeights.OpenFolder(folder.Path));

        Assert.StartsWith(folder.Path, error.Message, StringComparison.Ordinal);
        Assert.All(CheckpointFiles.Names, name => Assert.Contains(name, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Shards_are_read_as_one()
    {
        WriteOne("a.safetensors", 1, "first");
        WriteOne("b.safetensors", 2, "second");
        Index("""{"metadata":{"total_size":8},"weight_map":{"first":"a.safetensors","second":"b.safetensors"}}""");

        using var weights = CheckpointWeights.OpenFolder(folder.Path);

        Assert.Equal(["first", "second"], weights.Tensors.Keys.Order());
        Assert.Equal([1], Read(weights, "first", 1));
        Assert.Equal([2], Read(weights, "second", 1));
    }

    [Theory]
    [InlineData("""{"weight_map":{"w":"gone.safetensors"}}""", "gone.safetensors")]
    [InlineData("""{"weight_map":{"w":"../other.safetensors"}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"w":"/etc/passwd"}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"w":"..\\other.safetensors"}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"w":".."}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"w":""}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"w":3}}""", "not the name of a file")]
    [InlineData("""{"weight_map":{"v":"a.safetensors"}}""", "no tensor v")]
    [InlineData("""{"weight_map":{"w":"a.safetensors","w":"a.safetensors"}}""", "cannot be read")]
    [InlineData("""{"weight_map":[]}""", "no weight_map")]
    [InlineData("""[]""", "no weight_map")]
    [InlineData("""{""", "cannot be read")]
    public void An_index_that_cannot_be_followed_is_refused(string index, string why)
    {
        WriteOne("a.safetensors", 1);
        Index(index);

        var error = Assert.Throws<WeightsException>(() => CheckpointWeights.OpenFolder(folder.Path));

        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_is_read_only_by_its_own_name_shape_and_type()
    {
        var path = folder.File("model.safetensors");
        SafetensorsWriter.Write(path, [SafetensorsTensor.Floats("w", [1, 2, 3, 4, 5, 6], 2, 3), SafetensorsTensor.Int64s("position_ids", [0], 1)]);
        using var weights = CheckpointWeights.OpenFolder(folder.Path);

        Assert.Equal([1L], weights.Tensors["position_ids"]);
        Assert.Contains("I64", Assert.Throws<WeightsException>(() => Read(weights, "position_ids", 1)).Message, StringComparison.Ordinal);
        Assert.Contains("[2, 3]", Assert.Throws<WeightsException>(() => Read(weights, "w", 3, 2)).Message, StringComparison.Ordinal);
        Assert.Contains("no tensor v", Assert.Throws<WeightsException>(() => Read(weights, "v", 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_threads_read_the_same_file()
    {
        var tensors = Enumerable.Range(0, 16).Select(i => (Key: $"t{i}", Values: Enumerable.Range(0, 70_000).Select(e => (float)((e + i) % 1000)).ToArray())).ToArray();
        SafetensorsWriter.Write(folder.File("model.safetensors"), [.. tensors.Select(tensor =>
            new SafetensorsTensor(tensor.Key, TensorElementType.Float16, [70_000], () => WeightTransforms.Cast(tensor.Values, TensorElementType.Float16, tensor.Key)))]);
        using var weights = CheckpointWeights.OpenFolder(folder.Path);

        Parallel.ForEach(tensors.Concat(tensors), tensor => Assert.Equal(tensor.Values, Read(weights, tensor.Key, 70_000)));
    }

    public void Dispose() => folder.Dispose();

    private static float[] Read(CheckpointWeights weights, string key, params long[] shape)
    {
        var values = new float[shape.Aggregate((product, size) => product * size)];
        weights.Read(key, shape, values);
        return values;
    }

    private void Index(string json) => File.WriteAllText(folder.File("model.safetensors.index.json"), json);

    private void WriteOne(string name, float value, string key = "w") => SafetensorsWriter.Write(folder.File(name), [SafetensorsTensor.Floats(key, [value], 1)]);

    private float ReadOne()
    {
        using var weights = CheckpointWeights.OpenFolder(folder.Path);
        return Read(weights, "w", 1)[0];
    }
}
