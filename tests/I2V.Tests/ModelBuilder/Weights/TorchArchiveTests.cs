using System.IO.Compression;
using System.Runtime.InteropServices;
using I2V.ModelBuilder.Weights;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Weights;

public sealed class TorchArchiveTests : IDisposable
{
    private const string Float = "torch FloatStorage", Half = "torch HalfStorage", BFloat16 = "torch BFloat16Storage", Int64 = "torch LongStorage";

    private readonly TemporaryFolder folder = new();

    private string ArchivePath => folder.File("pytorch_model.bin");

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.SmallestSize)]
    public void Tensors_come_back_exactly_whether_stored_or_compressed(CompressionLevel compression)
    {
        using (var sample = new TorchSample(ArchivePath, compression))
        {
            sample.Add("full", Float, Bytes(1, -2, 3, 4, 5, 6), [2, 3], [3, 1], count: 6);
            sample.Add("half", Half, [0, 0x3C, 0, 0xC0], [2], [1], count: 2);
            sample.Add("brain", BFloat16, [0x80, 0x3F, 0, 0x40], [2], [1], count: 2);
            sample.Add("parameter", Float, Bytes(9), [1], [1], count: 1, isParameter: true);
            sample.Add("position_ids", Int64, new byte[16], [1, 2], [2, 1], count: 2);
            sample.Add("scalar", Float, Bytes(8), [], [], count: 1);
            sample.Add("nothing", Float, [], [0, 3], [3, 1], count: 0);
        }

        using var archive = TorchArchive.Open(ArchivePath);

        Assert.Equal([1, -2, 3, 4, 5, 6], archive.Read("full"));
        Assert.Equal([1, -2], archive.Read("half"));
        Assert.Equal([1, 2], archive.Read("brain"));
        Assert.Equal([9], archive.Read("parameter"));
        Assert.Equal([8], archive.Read("scalar"));
        Assert.Empty(archive.Read("nothing"));
        Assert.Equal([1, 2], archive.Tensors["position_ids"].Shape);
        Assert.Contains("LongStorage", Assert.Throws<WeightsException>(() => archive.Read("position_ids")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Fastest)]
    public void Views_of_a_storage_are_brought_into_order(CompressionLevel compression)
    {
        var data = Bytes([.. Enumerable.Range(0, 70_000).Select(i => (float)i)]);
        using (var sample = new TorchSample(ArchivePath, compression))
        {
            sample.Add("offset", Float, data, [2, 2], [2, 1], count: 70_000, offset: 66_000);
            sample.Add("transposed", Float, data, [3, 2], [1, 3], count: 70_000, offset: 1);
            sample.Add("slice", Float, data, [2, 2, 2], [100, 10, 2], count: 70_000);
            sample.Add("expanded", Float, data, [2, 3], [0, 1], count: 70_000);
            sample.Add("one", Float, data, [1, 3, 1], [77, 1, 99], count: 70_000);
        }

        using var archive = TorchArchive.Open(ArchivePath);

        Assert.Equal([66_000, 66_001, 66_002, 66_003], archive.Read("offset"));
        Assert.Equal([1, 4, 2, 5, 3, 6], archive.Read("transposed"));
        Assert.Equal([0, 2, 10, 12, 100, 102, 110, 112], archive.Read("slice"));
        Assert.Equal([0, 1, 2, 0, 1, 2], archive.Read("expanded"));
        Assert.Equal([0, 1, 2], archive.Read("one"));
    }

    [Theory]
    [InlineData("cos\nsystem\n(X\u0004\0\0\0truetR", "os.system")]
    [InlineData("c__builtin__\neval\n(X\u0001\0\0\01tR", "__builtin__.eval")]
    [InlineData("ctorch._utils\n_rebuild_device_tensor_from_numpy\n)R", "_rebuild_device_tensor_from_numpy")]
    [InlineData("\u008c\u0005posix\u008c\u0006system\u0093", "posix.system")]
    [InlineData("ccollections\nOrderedDict\n(K\u0001tR", "a call")]
    [InlineData("ctorch\nFloatStorage\n)R", "a call")]
    [InlineData("cos\npath\nios", "os.path")]
    [InlineData("(K\u0001ios\nsystem\n", "opcode 0x69")]
    [InlineData("ccollections\nOrderedDict\n)\u0081", "opcode 0x81")]
    [InlineData("K\u0005", "is not a tensor")]
    [InlineData("}", "is not a tensor")]
    [InlineData("K\u0005Q", "not a storage")]
    [InlineData("(X\u0007\0\0\0storagetQ", "not a storage")]
    [InlineData("h\u00c8", "memo 200")]
    [InlineData("}}}ss", "more than it has put")]
    [InlineData("b", "more than it has put")]
    [InlineData("K\u0001K\u0002b", "broken")]
    [InlineData("\u008a\u0009123456789", "number of 9 bytes")]
    [InlineData("X\u00ff\u00ff\u00ff\u00ff", "ends in the middle")]
    [InlineData("u", "key")]
    public void Whatever_is_not_a_tensor_is_refused_by_its_name(string opcodes, string why)
    {
        using (var sample = new TorchSample(ArchivePath))
        {
            sample.AddRaw("evil", opcodes);
        }

        var error = Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath));

        Assert.StartsWith(ArchivePath, error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 3 }, new long[] { 1 }, 2, 0)]
    [InlineData(new long[] { 2 }, new long[] { 1 }, 2, 1)]
    [InlineData(new long[] { 2 }, new long[] { 5 }, 2, 0)]
    [InlineData(new long[] { 2 }, new long[] { 1 }, 100, 0)]
    [InlineData(new long[] { 2 }, new long[] { 1 }, long.MaxValue, 0)]
    [InlineData(new long[] { 2 }, new long[] { 1 }, 2, -1)]
    [InlineData(new long[] { 2 }, new long[] { 1 }, 2, long.MaxValue)]
    [InlineData(new long[] { -2 }, new long[] { 1 }, 2, 0)]
    [InlineData(new long[] { 2 }, new long[] { -1 }, 2, 1)]
    [InlineData(new long[] { 2, 1 }, new long[] { 1 }, 2, 0)]
    [InlineData(new long[] { 1L << 40, 1L << 40 }, new long[] { 0, 0 }, 2, 0)]
    [InlineData(new long[] { 3 }, new long[] { long.MaxValue }, 2, 0)]
    public void A_tensor_outside_its_storage_is_refused(long[] shape, long[] strides, long count, long offset)
    {
        using (var sample = new TorchSample(ArchivePath))
        {
            sample.Add("w", Float, Bytes(1, 2), shape, strides, count, offset);
        }

        Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath));
    }

    [Theory]
    [InlineData("K\u0001.", "not a dictionary")]
    [InlineData("}K\u0001K\u0002s.", "not a string")]
    [InlineData("", "ends in the middle")]
    [InlineData(".", "more than it has put")]
    [InlineData("(.", "more than it has put")]
    [InlineData("}(X\u0001\0\0\0au.", "key without a value")]
    [InlineData("}NK\u0001s.", "broken")]
    [InlineData("cos", "ends in the middle")]
    public void A_pickle_that_is_no_dictionary_of_tensors_is_refused(string pickle, string why)
    {
        using (new TorchSample(ArchivePath) { Pickle = TorchSample.Latin(pickle) })
        {
        }

        Assert.Contains(why, Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_byte_order_and_files_that_are_no_archives_are_refused()
    {
        using (new TorchSample(ArchivePath) { ByteOrder = "big" })
        {
        }

        Assert.Contains("byteorder", Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(ArchivePath, TorchSample.Latin("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.\u0080\u0002M\u00e9\u0003."));
        Assert.Contains("not a zip archive", Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath)).Message, StringComparison.Ordinal);
        using (var zip = new ZipArchive(File.Create(ArchivePath), ZipArchiveMode.Create))
        {
            zip.CreateEntry("readme.txt");
        }

        Assert.Contains("data.pkl", Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.SmallestSize)]
    public void An_archive_damaged_anywhere_is_read_or_refused_but_nothing_else(CompressionLevel compression)
    {
        using (var sample = new TorchSample(ArchivePath, compression))
        {
            sample.Add("a", Float, Bytes(1, 2, 3, 4), [2, 2], [1, 2], count: 4);
            sample.Add("b", Half, new byte[400], [200], [1], count: 200);
        }

        var bytes = File.ReadAllBytes(ArchivePath);
        var random = new Random(4);
        var refused = 0;
        for (var round = 0; round < 600; round++)
        {
            var damaged = (byte[])bytes.Clone();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(ArchivePath, random.Next(4) > 0 ? damaged : damaged[..random.Next(1, damaged.Length)]);
            try
            {
                using var archive = TorchArchive.Open(ArchivePath);
                foreach (var (key, tensor) in archive.Tensors.Where(tensor => tensor.Value.Shape.All(size => size < 1000)))
                {
                    archive.Read(key);
                }
            }
            catch (WeightsException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 100, 599);
    }

    [Fact]
    public void A_file_that_claims_to_unpack_to_more_than_deflate_can_is_refused()
    {
        using (var sample = new TorchSample(ArchivePath, CompressionLevel.SmallestSize))
        {
            sample.Add("w", Float, new byte[4000], [1000], [1], count: 1000);
        }

        var bytes = File.ReadAllBytes(ArchivePath);
        var entry = bytes.AsSpan().IndexOf("PK\u0001\u0002"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(entry + 24), 2_000_000_000);
        File.WriteAllBytes(ArchivePath, bytes);

        Assert.Contains("claims to be 2000000000 bytes", Assert.Throws<WeightsException>(() => TorchArchive.Open(ArchivePath)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private static byte[] Bytes(params float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
}
