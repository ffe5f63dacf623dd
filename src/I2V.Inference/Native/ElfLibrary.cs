using System.Buffers.Binary;
using System.Text;

namespace I2V.Inference.Native;

/// <summary>What a shared library of Linux (ELF, 64 bits, little-endian) asks its loader for.</summary>
/// <param name="Needed">Names of the libraries that it needs, such as <c>libcudnn.so.9</c>.</param>
/// <param name="SearchPath">Folders in which they are looked for besides the system's, with <c>$ORIGIN</c> for its own.</param>
internal sealed record ElfLibrary(IReadOnlyList<string> Needed, IReadOnlyList<string> SearchPath)
{
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int DynamicEntryBytes = 16;
    private const int Load = 1;
    private const int Dynamic = 2;
    private const long MaxTableBytes = 16 << 20;

    private enum Tag
    {
        Needed = 1,
        StringTable = 5,
        StringTableBytes = 10,
        RPath = 15,
        RunPath = 29,
    }

    /// <exception cref="InvalidDataException">Not such a library.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ElfLibrary Read(string path)
    {
        using var file = File.OpenRead(path);
        var header = Bytes(file, 0, HeaderBytes);
        if (!header.AsSpan(0, 6).SequenceEqual("\u007FELF\u0002\u0001"u8))
        {
            throw new InvalidDataException($"{path} is no 64-bit ELF library.");
        }

        var segments = Segments(file, header);
        var dynamic = segments.Find(segment => segment.Type == Dynamic);
        var entries = Entries(Bytes(file, dynamic.Offset, dynamic.FileBytes));
        var address = entries.FirstOrDefault(entry => entry.Tag == Tag.StringTable).Value;
        var table = segments.Find(segment => segment.Type == Load && address >= segment.Address && address < segment.Address + segment.FileBytes);
        var texts = Bytes(file, address - table.Address + table.Offset, entries.FirstOrDefault(entry => entry.Tag == Tag.StringTableBytes).Value);
        return new ElfLibrary(
            [.. entries.Where(entry => entry.Tag == Tag.Needed).Select(entry => Text(texts, entry.Value))],
            [.. entries.Where(entry => entry.Tag is Tag.RunPath or Tag.RPath).SelectMany(entry => Text(texts, entry.Value).Split(':', StringSplitOptions.RemoveEmptyEntries))]);
    }

    private static List<Segment> Segments(FileStream file, byte[] header)
    {
        var (at, count) = (BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32)), BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56)));
        var all = Bytes(file, at, (long)count * ProgramHeaderBytes);
        return [.. Enumerable.Range(0, count).Select(i => all.AsMemory(i * ProgramHeaderBytes, ProgramHeaderBytes)).Select(bytes => new Segment(
            BinaryPrimitives.ReadInt32LittleEndian(bytes.Span),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.Span[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.Span[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.Span[32..])))];
    }

    private static List<(Tag Tag, long Value)> Entries(byte[] dynamic) =>
        [.. Enumerable.Range(0, dynamic.Length / DynamicEntryBytes).Select(i => dynamic.AsMemory(i * DynamicEntryBytes, DynamicEntryBytes)).Select(bytes => (
            (Tag)BinaryPrimitives.ReadInt64LittleEndian(bytes.Span),
            BinaryPrimitives.ReadInt64LittleEndian(bytes.Span[8..])))];

    private static string Text(byte[] texts, long offset)
    {
        if (offset < 0 || offset >= texts.Length)
        {
            throw new InvalidDataException("A name lies outside its table.");
        }

        var rest = texts.AsSpan((int)offset);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static byte[] Bytes(FileStream file, long offset, long count)
    {
        if (offset < 0 || count < 0 || count > MaxTableBytes || offset > file.Length - count)
        {
            throw new InvalidDataException($"{file.Name} ends before its tables.");
        }

        var bytes = new byte[count];
        file.Position = offset;
        file.ReadExactly(bytes);
        return bytes;
    }

    private readonly record struct Segment(int Type, long Offset, long Address, long FileBytes);
}
