using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <summary>Between fp32 and the two 16-bit floats, eight or sixteen values at a time.</summary>
internal static class FloatConversions
{
    private const uint SingleSign = 0x8000_0000, SingleInfinity = 0x7F80_0000, SingleQuiet = 0x0040_0000;
    private const uint HalfMagnitude = 0x7FFF, HalfInfinity = 0x7C00, HalfQuiet = 0x0200;

    /// <summary>2^(127−15): what a half's bits are too small by when they are read as the upper bits of a float.</summary>
    private static readonly float Rebias = BitConverter.UInt32BitsToSingle((127u + 127 - 15) << 23);

    /// <summary>Exact. The source's bytes are a file's, little-endian, and are changed on machines that are not.</summary>
    /// <param name="type">Float, Float16 or BFloat16.</param>
    public static void ToSingle(Span<byte> source, TensorElementType type, Span<float> into)
    {
        ToMachineOrder(source, TensorElementTypes.SizeOf(type));
        switch (type)
        {
            case TensorElementType.Float16:
                HalfToSingle(MemoryMarshal.Cast<byte, ushort>(source), into);
                break;
            case TensorElementType.BFloat16:
                BFloat16ToSingle(MemoryMarshal.Cast<byte, ushort>(source), into);
                break;
            case TensorElementType.Float:
                source.CopyTo(MemoryMarshal.AsBytes(into));
                break;
            default:
                throw new ArgumentException($"Weights are read from Float, Float16 or BFloat16, not from {type}.", nameof(type));
        }
    }

    /// <summary>Exact.</summary>
    public static void HalfToSingle(ReadOnlySpan<ushort> source, Span<float> into)
    {
        var bits = MemoryMarshal.Cast<float, uint>(into)[..source.Length];
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source[i..]));
            HalfToSingle(low).CopyTo(bits[i..]);
            HalfToSingle(high).CopyTo(bits[(i + Vector256<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            bits[i] = HalfToSingle(Vector256.CreateScalar((uint)source[i])).ToScalar();
        }
    }

    /// <summary>Exact.</summary>
    public static void BFloat16ToSingle(ReadOnlySpan<ushort> source, Span<float> into)
    {
        var bits = MemoryMarshal.Cast<float, uint>(into)[..source.Length];
        var i = 0;
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source[i..]));
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector256<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            bits[i] = (uint)source[i] << 16;
        }
    }

    /// <summary>Rounds to the nearest, ties to even; what is too large becomes infinite.</summary>
    public static void SingleToHalf(ReadOnlySpan<float> source, Span<ushort> into) => Narrow<ToHalf>(source, into);

    /// <summary>Rounds to the nearest, ties to even; what is too large becomes infinite.</summary>
    public static void SingleToBFloat16(ReadOnlySpan<float> source, Span<ushort> into) => Narrow<ToBFloat16>(source, into);

    /// <summary>The place of the first value that is infinite or not a number; −1 when there is none.</summary>
    public static int FirstNotFinite(ReadOnlySpan<float> values)
    {
        var infinity = Vector256.Create(SingleInfinity);
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var i = 0;
        while (i <= bits.Length - Vector256<uint>.Count && !Vector256.EqualsAny(Vector256.Create(bits[i..]) & infinity, infinity))
        {
            i += Vector256<uint>.Count;
        }

        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The place of the first 16-bit float whose exponent bits are all set; −1 when there is none.</summary>
    /// <param name="exponent">The exponent's bits in that type.</param>
    public static int FirstNotFinite(ReadOnlySpan<ushort> values, ushort exponent)
    {
        var mask = Vector256.Create(exponent);
        var i = 0;
        while (i <= values.Length - Vector256<ushort>.Count && !Vector256.EqualsAny(Vector256.Create(values[i..]) & mask, mask))
        {
            i += Vector256<ushort>.Count;
        }

        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>What the little-endian bytes of a file hold, as numbers of this machine.</summary>
    public static void ToMachineOrder(Span<byte> bytes, int elementSize)
    {
        if (BitConverter.IsLittleEndian)
        {
            return;
        }

        if (elementSize == sizeof(ushort))
        {
            var words = MemoryMarshal.Cast<byte, ushort>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
        else
        {
            var words = MemoryMarshal.Cast<byte, uint>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    /// <remarks>
    /// The half's exponent and fraction moved into the float's places are the value times 2^−112, as a subnormal float
    /// where the half is one; multiplying by 2^112 is exact for all of them.
    /// </remarks>
    private static Vector256<uint> HalfToSingle(Vector256<uint> half)
    {
        var magnitude = half & Vector256.Create(HalfMagnitude);
        var scaled = ((magnitude << 13).AsSingle() * Vector256.Create(Rebias)).AsUInt32();
        var special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(HalfInfinity)) & Vector256.Create(SingleInfinity);
        return scaled | special | ((half & Vector256.Create(~HalfMagnitude)) << 16);
    }

    private static void Narrow<T>(ReadOnlySpan<float> source, Span<ushort> into)
        where T : struct, INarrowing
    {
        var bits = MemoryMarshal.Cast<float, uint>(source);
        into = into[..source.Length];
        var i = 0;
        for (; i <= bits.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var low = T.Round(Vector256.Create(bits[i..]));
            var high = T.Round(Vector256.Create(bits[(i + Vector256<uint>.Count)..]));
            Vector256.Narrow(low, high).CopyTo(into[i..]);
        }

        for (; i < bits.Length; i++)
        {
            into[i] = (ushort)T.Round(Vector256.CreateScalar(bits[i])).ToScalar();
        }
    }

    private interface INarrowing
    {
        /// <summary>Bits of floats → the shorter float's bits, in the lower half of each element.</summary>
        static abstract Vector256<uint> Round(Vector256<uint> single);
    }

    private readonly struct ToHalf : INarrowing
    {
        // From 2^16 on no rounding leads back to a half; below 2^−14 a half is subnormal.
        private const uint Overflow = (127 + 16) << 23, SmallestNormal = (127 - 14) << 23;

        /// <summary>0.5: its last fraction bit is worth 2^−24, as a subnormal half's is, so adding it rounds to one.</summary>
        private const uint Aligner = (127 - 1) << 23;

        public static Vector256<uint> Round(Vector256<uint> single)
        {
            var magnitude = single & Vector256.Create(~SingleSign);
            var odd = (magnitude >> 13) & Vector256<uint>.One;
            var normal = (magnitude - Vector256.Create((127u - 15) << 23) + Vector256.Create(0xFFFu) + odd) >> 13;
            var subnormal = (magnitude.AsSingle() + Vector256.Create(Aligner).AsSingle()).AsUInt32() - Vector256.Create(Aligner);
            var nan = (magnitude >> 13) & Vector256.Create(0x3FFu) | Vector256.Create(HalfInfinity | HalfQuiet);
            var result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(SmallestNormal)), subnormal, normal);
            result = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(Overflow)), Vector256.Create(HalfInfinity), result);
            result = Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude, Vector256.Create(SingleInfinity)), nan, result);
            return result | ((single & Vector256.Create(SingleSign)) >> 16);
        }
    }

    private readonly struct ToBFloat16 : INarrowing
    {
        public static Vector256<uint> Round(Vector256<uint> single)
        {
            var odd = (single >> 16) & Vector256<uint>.One;
            var rounded = (single + Vector256.Create(0x7FFFu) + odd) >> 16;
            var nan = (single | Vector256.Create(SingleQuiet)) >> 16;
            var isNan = Vector256.GreaterThan(single & Vector256.Create(~SingleSign), Vector256.Create(SingleInfinity));
            return Vector256.ConditionalSelect(isNan, nan, rounded);
        }
    }
}
