using System.Buffers.Binary;
using System.Text;
using I2V.Inference.Native;
using I2V.ModelBuilder.Weights;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class SafetensorsTests : IDisposable
{
    private const string Four = """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Floats_of_every_precision_come_back_exactly_and_other_types_are_only_listed()
    {
        var path = folder.File("w.safetensors");
        float[] values = [1.5f, -2, 0.25f, 65504, 0, -0.0078125f];
        SafetensorsWriter.Write(path, [
            new("bytes", TensorElementType.UInt8, [3], () => new byte[] { 1, 2, 3 }), // what follows is misaligned
            SafetensorsTensor.Floats("full", values, 2, 3),
            new("half", TensorElementType.Float16, [6], () => WeightTransforms.Cast(values, TensorElementType.Float16, "half")),
            new("brain", TensorElementType.BFloat16, [3], () => WeightTransforms.Cast(values.AsSpan(0, 3), TensorElementType.BFloat16, "brain")),
            SafetensorsTensor.Int64s("position_ids", [0, 1], 1, 2),
            SafetensorsTensor.Floats("scalar", [7]),
            SafetensorsTensor.Floats("nothing", [], 0, 4),
        ]);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal(values, file.Read("full"));
        Assert.Equal(values, file.Read("half"));
        Assert.Equal(values[..3], file.Read("brain"));
        Assert.Equal([7], file.Read("scalar"));
        Assert.Empty(file.Read("nothing"));
        Assert.Equal([2, 3], file.Tensors["full"].Shape);
        var error = Assert.Throws<WeightsException>(() => file.Read("position_ids"));
        Assert.Contains("I64", error.Message, StringComparison.Ordinal);
        Assert.Throws<WeightsException>(() => file.Read("full", new float[5]));
        Assert.Contains("no tensor other", Assert.Throws<WeightsException>(() => file.Read("other")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_longer_than_one_chunk_is_read_whole()
    {
        var path = folder.File("w.safetensors");
        var values = Enumerable.Range(0, (1 << 16) + 5).Select(i => (float)(i % 2048)).ToArray();
        SafetensorsWriter.Write(path, [new("half", TensorElementType.Float16, [values.Length], () => WeightTransforms.Cast(values, TensorElementType.Float16, "half"))]);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal(values, file.Read("half"));
    }

    [Fact]
    public void Tensors_beyond_four_gigabytes_are_read_where_they_lie()
    {
        // A sparse file: the first tensor's bytes take no room on the disk.
        const long Long = 5_000_000_000;
        var path = Write($$$"""{"long":{"dtype":"U8","shape":[{{{Long}}}],"data_offsets":[0,{{{Long}}}]},"last":{"dtype":"F32","shape":[2],"data_offsets":[{{{Long}}},{{{Long + 8}}}]}}""", []);
        using (var stream = File.OpenWrite(path))
        {
            var start = stream.Length + Long;
            stream.SetLength(start + 8);
            stream.Position = start;
            stream.Write([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]);
        }

        using var file = SafetensorsFile.Open(path);

        Assert.Equal([1, 2], file.Read("last"));
    }

    [Theory]
    [InlineData("""[]""", 0, "not a JSON object")]
    [InlineData("""{"a":""", 0, "cannot be read")]
    [InlineData("", 0, "cannot be read")]
    [InlineData("""{"a":1}""", 0, "no dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "no data_offsets")]
    [InlineData("""{"a":{"dtype":"X9","shape":[1],"data_offsets":[0,4]}}""", 4, "unknown type X9")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "cannot be read")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "no tensor holds the bytes 4 to 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "no tensor holds the bytes 0 to 4")]
    [InlineData(Four, 8, "end after 4")]
    [InlineData(Four, 3, "do not lie in")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "-4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "do not lie in")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}""", 4, "do not lie in")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,92233720368547758070]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}""", 4, "do not lie in")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes, but has 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,4]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "whole number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "more than can be counted")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}}""", 4, "more than can be counted")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "cannot be read")]
    public void A_header_that_lies_is_refused_in_one_sentence(string header, int dataLength, string why)
    {
        var path = Write(header, new byte[dataLength]);

        var error = Assert.Throws<WeightsException>(() => SafetensorsFile.Open(path));

        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10_000_000_000ul, "claims 10000000000 bytes")]
    [InlineData(ulong.MaxValue, "claims 18446744073709551615 bytes")]
    [InlineData(99_000_000ul, "the file ends after")]
    public void A_header_longer_than_allowed_or_than_the_file_is_refused(ulong length, string why)
    {
        var path = folder.File("w.safetensors");
        var bytes = new byte[100];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        File.WriteAllBytes(path, bytes);

        Assert.Contains(why, Assert.Throws<WeightsException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_empty_and_tiny_files_are_refused()
    {
        var path = folder.File("w.safetensors");
        Assert.Throws<WeightsException>(() => SafetensorsFile.Open(path));
        File.WriteAllBytes(path, []);
        Assert.Contains("empty", Assert.Throws<WeightsException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.Contains("too few", Assert.Throws<WeightsException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_damaged_anywhere_is_read_or_refused_but_nothing_else()
    {
        var header = Encoding.UTF8.GetBytes("""{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]}}""");
        var random = new Random(20);
        var refused = 0;
        for (var round = 0; round < 400; round++)
        {
            var damaged = (byte[])header.Clone();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                var tensors = SafetensorsHeader.Parse(damaged, 12);
                Assert.All(tensors.Values.Cast<SafetensorsEntry>(), entry => Assert.InRange(entry.End, entry.Begin, 12));
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.True(refused > 200);
    }

    [Fact]
    public void The_writer_refuses_bytes_that_do_not_fit_and_keys_that_come_twice()
    {
        var path = folder.File("w.safetensors");

        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [new("a", TensorElementType.Float, [2], () => new byte[4])]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [SafetensorsTensor.Floats("a", [1], 1), SafetensorsTensor.Floats("a", [1], 1)]));
    }

    public void Dispose() => folder.Dispose();

    private string Write(string header, byte[] data)
    {
        var path = folder.File("hostile.safetensors");
        using var stream = File.Create(path);
        var json = Encoding.UTF8.GetBytes(header);
        stream.Write(BitConverter.GetBytes((ulong)json.Length));
        stream.Write(json);
        stream.Write(data);
        return path;
    }
}
