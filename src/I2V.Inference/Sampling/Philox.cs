namespace I2V.Inference.Sampling;

/// <summary>
/// Philox4x32-10 (Salmon et al., 2011): 128 pseudo-random bits for every counter, without state, so that any part of a
/// tensor can be made on its own and on any machine.
/// </summary>
public static class Philox
{
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    /// <summary>The four words of a counter whose upper half is 0.</summary>
    /// <param name="key">Low half: first word of the key; high half: second.</param>
    /// <param name="counter">Low half: first word of the counter; high half: second.</param>
    public static (uint Word0, uint Word1, uint Word2, uint Word3) Block(ulong key, ulong counter) =>
        Block(key, (uint)counter, (uint)(counter >> 32), 0, 0);

    /// <summary>The four words of a counter.</summary>
    /// <param name="key">Low half: first word of the key; high half: second.</param>
    /// <param name="counter0">First word of the counter.</param>
    /// <param name="counter1">Second word.</param>
    /// <param name="counter2">Third word.</param>
    /// <param name="counter3">Fourth word.</param>
    public static (uint Word0, uint Word1, uint Word2, uint Word3) Block(ulong key, uint counter0, uint counter1, uint counter2, uint counter3)
    {
        var (key0, key1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * counter0;
            var product1 = (ulong)Multiplier1 * counter2;
            (counter0, counter1, counter2, counter3) =
                ((uint)(product1 >> 32) ^ counter1 ^ key0, (uint)product1, (uint)(product0 >> 32) ^ counter3 ^ key1, (uint)product0);
            key0 = unchecked(key0 + Weyl0);
            key1 = unchecked(key1 + Weyl1);
        }

        return (counter0, counter1, counter2, counter3);
    }
}
