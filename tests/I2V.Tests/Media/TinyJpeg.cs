namespace I2V.Tests.Media;

/// <summary>
/// JPEGs of one 8×8 block in kinds that ffmpeg cannot write. Every block is flat: one DC coefficient, quantised by 1, whose
/// Huffman table has a single one-bit code.
/// </summary>
internal static class TinyJpeg
{
    private static readonly byte[] Quantisation = [0xFF, 0xDB, 0, 67, 0, .. Enumerable.Repeat((byte)1, 64)];
    private static readonly byte[] End = [0xFF, 0xD9];

    /// <summary>As Photoshop writes it: inverted, with an Adobe marker. Values are 1 … 63 or 192 … 255.</summary>
    public static byte[] Cmyk(params byte[] inverted)
    {
        var bits = new Bits();
        foreach (var value in inverted)
        {
            bits.Add(0, 1);
            bits.Add(Coefficient(value), 10);
            bits.Add(0, 1);
        }

        return
        [
            0xFF, 0xD8, 0xFF, 0xEE, 0, 14, .. "Adobe"u8, 0, 100, 0, 0, 0, 0, 0,
            .. Quantisation, .. Frame(0xC0, components: 4), .. Huffman(0x00, 10), .. Huffman(0x10, 0),
            .. Scan(components: 4, 0, 63, 0), .. bits.ToArray(), .. End,
        ];
    }

    /// <summary>Progressive grey in three scans: the value's upper bits, its lowest bit, and no detail.</summary>
    public static byte[] ProgressiveGrey(byte value)
    {
        var coefficient = Coefficient(value);
        var coarse = new Bits();
        coarse.Add(0, 1);
        coarse.Add(coefficient >> 1, 9);
        var fine = new Bits();
        fine.Add(coefficient & 1, 1);
        var detail = new Bits();
        detail.Add(0, 1);
        return
        [
            0xFF, 0xD8, .. Quantisation, .. Frame(0xC2, components: 1), .. Huffman(0x00, 9), .. Huffman(0x10, 0),
            .. Scan(components: 1, 0, 0, 0x01), .. coarse.ToArray(),
            .. Scan(components: 1, 0, 0, 0x10), .. fine.ToArray(),
            .. Scan(components: 1, 1, 63, 0), .. detail.ToArray(), .. End,
        ];
    }

    private static byte[] Frame(byte marker, byte components) =>
        [0xFF, marker, 0, (byte)(8 + 3 * components), 8, 0, 8, 0, 8, components, .. Enumerable.Range(1, components).SelectMany(id => new byte[] { (byte)id, 0x11, 0 })];

    private static byte[] Huffman(byte table, byte symbol) => [0xFF, 0xC4, 0, 20, table, 1, .. new byte[15], symbol];

    private static byte[] Scan(byte components, byte from, byte to, byte approximation) =>
        [0xFF, 0xDA, 0, (byte)(6 + 2 * components), components, .. Enumerable.Range(1, components).SelectMany(id => new byte[] { (byte)id, 0 }), from, to, approximation];

    /// <summary>A flat block's DC as JPEG codes it in its category: negative numbers as ones' complement.</summary>
    private static int Coefficient(byte value)
    {
        var dc = 8 * (value - 128);
        return dc >= 0 ? dc : dc + 1023;
    }

    private sealed class Bits
    {
        private readonly List<byte> bits = [];

        public void Add(int value, int count) => bits.AddRange(Enumerable.Range(0, count).Select(bit => (byte)((value >> (count - 1 - bit)) & 1)));

        /// <summary>Filled up with ones; a byte FF is followed by 00.</summary>
        public IEnumerable<byte> ToArray() => bits.Concat(Enumerable.Repeat((byte)1, 7)).Chunk(8).Where(chunk => chunk.Length == 8)
            .Select(chunk => chunk.Aggregate(0, (sum, bit) => sum * 2 + bit))
            .SelectMany(value => value == 255 ? new byte[] { 255, 0 } : [(byte)value]);
    }
}
