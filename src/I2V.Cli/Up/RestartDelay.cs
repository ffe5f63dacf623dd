namespace I2V.Cli.Up;

/// <summary>1 s, doubling to 30 s; back to 1 s after a minute of life.</summary>
internal sealed class RestartDelay
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Recovered = TimeSpan.FromMinutes(1);

    private TimeSpan next = First;

    /// <param name="lived">How long the process lived that has just ended.</param>
    public TimeSpan After(TimeSpan lived)
    {
        var delay = lived >= Recovered ? First : next;
        next = delay * 2 > Longest ? Longest : delay * 2;
        return delay;
    }
}
