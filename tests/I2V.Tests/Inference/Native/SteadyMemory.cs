namespace I2V.Tests.Inference.Native;

/// <summary>
/// Tells a leak, which grows every time, from what a process does now and then: pools that are trimmed, code that is compiled
/// again. One window of rounds in which memory stays where it was is enough; a leak has none.
/// </summary>
internal static class SteadyMemory
{
    private const int Windows = 4;

    /// <param name="warm">Rounds before the first window.</param>
    /// <param name="rounds">Of a window.</param>
    /// <param name="allowed">Bytes that the process may grow or shrink by in a window that counts.</param>
    /// <param name="round">What is repeated.</param>
    public static void Require(int warm, int rounds, long allowed, Action round)
    {
        Repeat(warm, round);
        var grown = new List<long>();
        while (grown.Count < Windows)
        {
            var start = ProcessMemory.BytesInUse();
            Repeat(rounds, round);
            grown.Add(ProcessMemory.BytesInUse() - start);
            if (Math.Abs(grown[^1]) < allowed)
            {
                return;
            }
        }

        Assert.Fail($"In windows of {rounds} rounds the process grew by {string.Join(", ", grown)} bytes; {allowed} are allowed.");
    }

    private static void Repeat(int count, Action round)
    {
        for (var i = 0; i < count; i++)
        {
            round();
        }
    }
}
