using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace I2V.ModelBuilder.Weights;

/// <summary>A file inside an archive.</summary>
/// <param name="Name">With its folders.</param>
/// <param name="Compressed">Bytes in the archive.</param>
/// <param name="Size">Bytes when unpacked.</param>
/// <param name="IsStored">True when those are the same ones.</param>
/// <param name="HeaderOffset">Where its own header begins in the archive.</param>
internal sealed record ZipEntry(string Name, long Compressed, long Size, bool IsStored, long HeaderOffset);

/// <summary>
/// The directory of a zip archive (with 64-bit sizes), which the framework's reader does not show: where each file's
/// bytes lie, so that stored ones are read in place.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054B50, End64Signature = 0x06064B50, Locator64Signature = 0x07064B50;
    private const uint EntrySignature = 0x02014B50, LocalSignature = 0x04034B50;
    private const int EndSize = 22, Locator64Size = 20, End64Size = 56, EntrySize = 46, LocalSize = 30;
    private const ushort Encrypted = 1, Stored = 0, Deflated = 8, Zip64Extra = 1;
    private const long MaxDirectory = 100_000_000;

    /// <summary>Deflate never unpacks a byte to more than this.</summary>
    private const long MaxRatio = 1032;

    /// <exception cref="InvalidDataException">It is not a zip archive, or one that lies about itself.</exception>
    public static IReadOnlyDictionary<string, ZipEntry> Read(MappedFile file)
    {
        var (offset, size) = Locate(file);
        if (offset < 0 || size < 0 || size > MaxDirectory || offset > file.Length - size)
        {
            throw new InvalidDataException($"its directory claims the {size} bytes from byte {offset} on, and the file has {file.Length}.");
        }

        var entries = new Dictionary<string, ZipEntry>(StringComparer.Ordinal);
        ReadOnlySpan<byte> rest = file.Read(offset, size);
        while (!rest.IsEmpty)
        {
            var entry = Entry(ref rest);
            if (!entries.TryAdd(entry.Name, entry))
            {
                throw new InvalidDataException($"it has two files named {entry.Name}.");
            }
        }

        return entries;
    }

    /// <summary>Where a file's bytes begin in the archive.</summary>
    /// <exception cref="InvalidDataException">They do not lie in it.</exception>
    public static long DataOffset(MappedFile file, ZipEntry entry)
    {
        if (entry.HeaderOffset < 0 || entry.HeaderOffset > file.Length - LocalSize)
        {
            throw new InvalidDataException($"{entry.Name} begins at byte {entry.HeaderOffset}, outside the file.");
        }

        Span<byte> header = stackalloc byte[LocalSize];
        file.Read(entry.HeaderOffset, header);
        if (UInt32(header) != LocalSignature)
        {
            throw new InvalidDataException($"{entry.Name} does not begin at byte {entry.HeaderOffset} as the directory says.");
        }

        var offset = entry.HeaderOffset + LocalSize + UInt16(header[26..]) + UInt16(header[28..]);
        return entry.Compressed >= 0 && offset <= file.Length - entry.Compressed
            ? offset
            : throw new InvalidDataException($"{entry.Name} claims {entry.Compressed} bytes from byte {offset} on, and the file has {file.Length}.");
    }

    /// <summary>All of a file, unpacked.</summary>
    /// <exception cref="InvalidDataException">It does not unpack to as many bytes as the directory says.</exception>
    public static byte[] ReadAll(MappedFile file, ZipEntry entry)
    {
        var packed = file.Read(DataOffset(file, entry), entry.Compressed);
        if (entry.IsStored)
        {
            return packed;
        }

        if (entry.Size > Array.MaxLength)
        {
            throw new InvalidDataException($"{entry.Name} is compressed and unpacks to {entry.Size} bytes, more than can be unpacked at once ({Array.MaxLength}).");
        }

        using var inflate = new DeflateStream(new MemoryStream(packed), CompressionMode.Decompress);
        var bytes = GC.AllocateUninitializedArray<byte>((int)entry.Size);
        return inflate.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length && inflate.ReadByte() < 0
            ? bytes
            : throw new InvalidDataException($"{entry.Name} does not unpack to the {entry.Size} bytes that the directory says.");
    }

    private static (long Offset, long Size) Locate(MappedFile file)
    {
        var tailLength = (int)Math.Min(file.Length, EndSize + ushort.MaxValue);
        var tailOffset = file.Length - tailLength;
        ReadOnlySpan<byte> tail = file.Read(tailOffset, tailLength);
        for (var i = tail.Length - EndSize; i >= 0; i--)
        {
            if (UInt32(tail[i..]) == EndSignature)
            {
                return Locate64(file, tailOffset + i - Locator64Size) ?? (UInt32(tail[(i + 16)..]), UInt32(tail[(i + 12)..]));
            }
        }

        throw new InvalidDataException("it is not a zip archive, which torch writes since version 1.6: load and save it with a newer torch.");
    }

    private static (long Offset, long Size)? Locate64(MappedFile file, long locatorOffset)
    {
        if (locatorOffset < 0)
        {
            return null;
        }

        Span<byte> locator = stackalloc byte[Locator64Size];
        file.Read(locatorOffset, locator);
        if (UInt32(locator) != Locator64Signature)
        {
            return null;
        }

        var offset = Int64(locator[8..]);
        if (offset < 0 || offset > file.Length - End64Size)
        {
            throw new InvalidDataException($"its directory's 64-bit sizes are at byte {offset}, outside the file.");
        }

        Span<byte> end = stackalloc byte[End64Size];
        file.Read(offset, end);
        return UInt32(end) == End64Signature
            ? (Int64(end[48..]), Int64(end[40..]))
            : throw new InvalidDataException($"its directory's 64-bit sizes are not at byte {offset}.");
    }

    private static ZipEntry Entry(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length < EntrySize || UInt32(rest) != EntrySignature)
        {
            throw new InvalidDataException("its directory has an entry that is none.");
        }

        var (flags, method) = (UInt16(rest[8..]), UInt16(rest[10..]));
        int nameLength = UInt16(rest[28..]), extraLength = UInt16(rest[30..]), commentLength = UInt16(rest[32..]);
        var total = EntrySize + nameLength + extraLength + commentLength;
        if (rest.Length < total)
        {
            throw new InvalidDataException("its directory ends in the middle of an entry.");
        }

        var name = Encoding.UTF8.GetString(rest.Slice(EntrySize, nameLength));
        if ((flags & Encrypted) != 0 || method is not (Stored or Deflated))
        {
            throw new InvalidDataException($"{name} is encrypted or compressed by method {method}; only stored and deflated files are read.");
        }

        var (compressed, size, offset) = Sizes(rest, rest.Slice(EntrySize + nameLength, extraLength));
        if (size < 0 || compressed < 0 || (method == Stored ? size != compressed : size / MaxRatio > compressed))
        {
            throw new InvalidDataException($"{name} claims to be {size} bytes packed into {compressed}.");
        }

        rest = rest[total..];
        return new ZipEntry(name, compressed, size, method == Stored, offset);
    }

    /// <summary>Sizes of 32 bits, or of 64 from the extra field where those are full.</summary>
    private static (long Compressed, long Size, long Offset) Sizes(ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        long compressed = UInt32(entry[20..]), size = UInt32(entry[24..]), offset = UInt32(entry[42..]);
        while (extra.Length >= 4)
        {
            var length = Math.Min(UInt16(extra[2..]), extra.Length - 4);
            var fields = extra.Slice(4, length);
            if (UInt16(extra) == Zip64Extra)
            {
                size = Take(ref fields, size);
                compressed = Take(ref fields, compressed);
                offset = Take(ref fields, offset);
            }

            extra = extra[(4 + length)..];
        }

        return (compressed, size, offset);
    }

    private static long Take(ref ReadOnlySpan<byte> fields, long value)
    {
        if (value != uint.MaxValue || fields.Length < sizeof(long))
        {
            return value;
        }

        value = Int64(fields);
        fields = fields[sizeof(long)..];
        return value;
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint UInt32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static long Int64(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes);
}
