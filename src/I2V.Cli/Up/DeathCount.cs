namespace I2V.Cli.Up;

/// <summary>Knows when restarting has become pointless: five deaths of anything within a minute.</summary>
internal sealed class DeathCount(TimeProvider time)
{
    public const int Limit = 5;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Queue<DateTimeOffset> deaths = new();
    private readonly Lock sync = new();

    /// <summary>Counts one more; true when it was one too many.</summary>
    public bool Add()
    {
        lock (sync)
        {
            var now = time.GetUtcNow();
            deaths.Enqueue(now);
            while (now - deaths.Peek() > Window)
            {
                deaths.Dequeue();
            }

            return deaths.Count >= Limit;
        }
    }
}
