using System.Buffers.Binary;

namespace I2V.Media.Films;

/// <summary>Looks at the outermost boxes of an MP4.</summary>
internal static class Mp4
{
    private const int Header = 8;
    private const int LargeHeader = 16;
    private const uint Index = 0x6D6F6F76; // moov
    private const uint Pictures = 0x6D646174; // mdat

    /// <summary>True when <c>moov</c> (the index) stands before <c>mdat</c> (the pictures), so that playing starts at once.</summary>
    public static async Task<bool> IndexComesFirstAsync(string path, CancellationToken ct)
    {
        await using var file = File.OpenRead(path);
        var header = new byte[LargeHeader];
        for (long box = 0; ; file.Position = box)
        {
            if (await file.ReadAtLeastAsync(header, LargeHeader, throwOnEndOfStream: false, ct).ConfigureAwait(false) < Header)
            {
                return false;
            }

            var type = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
            if (type is Index or Pictures)
            {
                return type == Index;
            }

            // Size 1: the real one follows in 8 bytes. A box shorter than its header is damage.
            long size = BinaryPrimitives.ReadUInt32BigEndian(header);
            size = size == 1 ? BinaryPrimitives.ReadInt64BigEndian(header.AsSpan(Header)) : size;
            if (size < Header)
            {
                return false;
            }

            box += size;
        }
    }
}
