using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.Parity;

/// <summary>Numbers that follow from a name, as the reference implementation's <c>seeded.py</c> makes them.</summary>
internal static class Streams
{
    private const int WordsPerBlock = 4;
    private const int Middle = 1 << 23;

    private static readonly ulong Seed = Fixtures.Configs.GetProperty("input_seed").GetUInt64();

    /// <summary>Uniform in ±√3, whose variance is 1.</summary>
    public static float[] Uniform(string name, long count)
    {
        var scale = (float)(Math.Sqrt(3) / Middle);
        return Elements(name, count, (x, y, z, w) => [Value(x), Value(y), Value(z), Value(w)]);

        float Value(uint word) => ((int)(word >> 8) - Middle) * scale;
    }

    /// <summary>Normal, to a last bit that libraries differ in.</summary>
    public static float[] Normal(string name, long count)
    {
        return Elements(name, count, (x, y, _, _) =>
        {
            var radius = Math.Sqrt(-2 * Math.Log((x + 1.0) / 4294967296));
            var (sine, cosine) = Math.SinCos(2 * Math.PI * (y / 4294967296.0));
            return [(float)(radius * cosine), (float)(radius * sine)];
        });
    }

    private static float[] Elements(string name, long count, Func<uint, uint, uint, uint, float[]> ofBlock)
    {
        var key = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name))) ^ Seed;
        var values = new List<float>((int)count + WordsPerBlock);
        for (var block = 0UL; values.Count < count; block++)
        {
            var (x, y, z, w) = Philox.Block(key, block);
            values.AddRange(ofBlock(x, y, z, w));
        }

        return [.. values.Take((int)count)];
    }
}
