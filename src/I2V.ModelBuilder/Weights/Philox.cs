namespace I2V.ModelBuilder.Weights;

/// <summary>Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): four random words from a key and a counter, without state.</summary>
internal static class Philox
{
    private const int Rounds = 10;
    private const ulong Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <param name="key">Its lower half is the first word of the algorithm's key.</param>
    /// <param name="counter">The first two words of the algorithm's counter, the lower half first; the other two are 0.</param>
    public static (uint X, uint Y, uint Z, uint W) Block(ulong key, ulong counter)
    {
        uint key0 = (uint)key, key1 = (uint)(key >> 32);
        uint x = (uint)counter, y = (uint)(counter >> 32), z = 0, w = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = Multiplier0 * x;
            var product1 = Multiplier1 * z;
            (x, y, z, w) = ((uint)(product1 >> 32) ^ y ^ key0, (uint)product1, (uint)(product0 >> 32) ^ w ^ key1, (uint)product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return (x, y, z, w);
    }
}
