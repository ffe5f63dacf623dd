using System.Buffers.Binary;

namespace I2V.Media.Images;

/// <summary>Reads the one EXIF field that changes how a picture looks.</summary>
internal static class Exif
{
    public const int Upright = 1;

    private const ushort OrientationTag = 0x0112;
    private const ushort Short = 3;

    /// <summary>
    /// 1 … 8 from the first directory of a TIFF block, with or without the <c>Exif\0\0</c> prefix. Damaged or absent metadata
    /// means upright: viewers show such pictures, so we do too.
    /// </summary>
    public static int Orientation(ReadOnlySpan<byte> block)
    {
        var tiff = block.StartsWith("Exif\0\0"u8) ? block[6..] : block;
        if (tiff.Length < 8)
        {
            return Upright;
        }

        var little = tiff.StartsWith("II*\0"u8);
        if (!little && !tiff.StartsWith("MM\0*"u8))
        {
            return Upright;
        }

        var offset = UInt32(tiff[4..], little);
        if (offset > tiff.Length - 2)
        {
            return Upright;
        }

        var directory = tiff[(int)offset..];
        var count = UInt16(directory, little);
        for (int entry = 0, at = 2; entry < count && at + 12 <= directory.Length; entry++, at += 12)
        {
            var field = directory.Slice(at, 12);
            if (UInt16(field, little) == OrientationTag && UInt16(field[2..], little) == Short)
            {
                return UInt16(field[8..], little) is >= 1 and <= 8 and var value ? value : Upright;
            }
        }

        return Upright;
    }

    private static ushort UInt16(ReadOnlySpan<byte> at, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(at) : BinaryPrimitives.ReadUInt16BigEndian(at);

    private static uint UInt32(ReadOnlySpan<byte> at, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(at) : BinaryPrimitives.ReadUInt32BigEndian(at);
}
