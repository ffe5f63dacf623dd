using System.Buffers.Binary;
using System.Text;
using I2V.Inference.Native;

namespace I2V.Tests.Inference.Native;

public sealed class CudaLibrariesTests : IDisposable
{
    private const string Provider = "libonnxruntime_providers_cuda.so";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_real_library_says_what_it_needs()
    {
        _ = OrtEnv.GetVersionString();

        var library = ElfLibrary.Read(NativeLibraryLocation.LoadedFile!);

        Assert.Contains("libc.so.6", library.Needed);
        Assert.All(library.Needed, name => Assert.Matches(@"^[\w.+-]+\.so(\.\d+)*$", name));
    }

    [Fact]
    public void Every_library_that_the_loader_cannot_find_is_named_with_the_folders_that_were_searched()
    {
        File.WriteAllBytes(folder.File(Provider), Elf("$ORIGIN:/nowhere/lib", "libc.so.6", "libcudnn-absent.so.9", "libonnxruntime_providers_shared.so", "libcublasLt-absent.so.13"));

        Assert.Equal(
            $"libcudnn-absent.so.9 and libcublasLt-absent.so.13 not found in {folder.Path}, /nowhere/lib, /opt/cuda, the system's library folders; LD_LIBRARY_PATH may name more folders",
            CudaLibraries.Missing(folder.Path, "/opt/cuda:"));
    }

    [Fact]
    public void A_library_in_any_of_the_folders_is_not_missing()
    {
        using var other = new TemporaryFolder();
        File.WriteAllBytes(folder.File(Provider), Elf("${ORIGIN}", "libcudnn-absent.so.9", "libcublasLt-absent.so.13"));
        File.WriteAllText(folder.File("libcudnn-absent.so.9"), "");
        Assert.StartsWith("libcublasLt-absent.so.13 not found in ", CudaLibraries.Missing(folder.Path, null), StringComparison.Ordinal);

        File.WriteAllText(other.File("libcublasLt-absent.so.13"), "");
        Assert.Null(CudaLibraries.Missing(folder.Path, other.Path));
    }

    [Fact]
    public void A_file_that_is_no_library_is_left_to_the_runtimes_own_message()
    {
        Assert.Null(CudaLibraries.Missing(folder.Path, null));
        File.WriteAllText(folder.File(Provider), "no library");
        Assert.Null(CudaLibraries.Missing(folder.Path, null));

        var whole = Elf("$ORIGIN", "libcudnn-absent.so.9");
        foreach (var length in (int[])[10, 70, 200, whole.Length - 1])
        {
            File.WriteAllBytes(folder.File(Provider), whole[..length]);
            Assert.Throws<InvalidDataException>(() => ElfLibrary.Read(folder.File(Provider)));
            Assert.Null(CudaLibraries.Missing(folder.Path, null));
        }
    }

    /// <summary>A library that is nothing but its header, its dynamic table and the names in it.</summary>
    private static byte[] Elf(string runPath, params string[] needed)
    {
        const int LoadAddress = 0x10000;
        const int DynamicAt = 64 + (2 * 56);
        var names = new MemoryStream();
        names.WriteByte(0);
        var entries = new List<(long Tag, long Value)>();
        foreach (var name in needed)
        {
            entries.Add((1, Append(names, name)));
        }

        entries.Add((29, Append(names, runPath)));
        var textAt = DynamicAt + ((entries.Count + 3) * 16);
        entries.AddRange([(5, LoadAddress + textAt), (10, names.Length), (0, 0)]);
        var bytes = new byte[textAt + names.Length];

        "\u007FELF\u0002\u0001\u0001"u8.CopyTo(bytes);
        Put(bytes, 32, 64);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(56), 2);
        Segment(bytes, 64, 1, 0, LoadAddress, bytes.Length);
        Segment(bytes, 64 + 56, 2, DynamicAt, LoadAddress + DynamicAt, entries.Count * 16);
        for (var i = 0; i < entries.Count; i++)
        {
            Put(bytes, DynamicAt + (i * 16), entries[i].Tag);
            Put(bytes, DynamicAt + (i * 16) + 8, entries[i].Value);
        }

        names.ToArray().CopyTo(bytes, textAt);
        return bytes;
    }

    private static void Segment(byte[] bytes, int at, int type, long offset, long address, long length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), type);
        Put(bytes, at + 8, offset);
        Put(bytes, at + 16, address);
        Put(bytes, at + 32, length);
    }

    private static void Put(byte[] bytes, int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at), value);

    private static long Append(MemoryStream names, string name)
    {
        var at = names.Position;
        names.Write(Encoding.UTF8.GetBytes(name + "\0"));
        return at;
    }
}
