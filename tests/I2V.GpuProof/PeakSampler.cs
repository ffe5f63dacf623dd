namespace I2V.GpuProof;

/// <summary>
/// The most that this process holds of the device, by the driver's count, read again as soon as it has answered: a run's
/// peak lasts for milliseconds.
/// </summary>
internal sealed class PeakSampler : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly Lock reading = new();
    private readonly ProcessMemory memory;
    private readonly Thread thread;
    private long peak;
    private long readings;
    private long longestTicks;
    private volatile bool ended;

    public PeakSampler(ProcessMemory memory)
    {
        this.memory = memory;
        thread = new Thread(Watch) { IsBackground = true, Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    /// <summary>Of this process since it began to be watched.</summary>
    public long PeakBytes => Interlocked.Read(ref peak);

    /// <summary>Longest time between two readings.</summary>
    public TimeSpan LongestGap => TimeSpan.FromTicks(Interlocked.Read(ref longestTicks));

    /// <summary>See <see cref="ProcessMemory.WhileOthersTake"/>: what they take meanwhile is not this process's peak.</summary>
    public void WhileOthersTake(Action take)
    {
        lock (reading)
        {
            memory.WhileOthersTake(take);
        }
    }

    public void Dispose()
    {
        ended = true;
        thread.Join();
    }

    private void Watch()
    {
        var last = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!ended)
        {
            Look();
            var now = System.Diagnostics.Stopwatch.GetTimestamp();
            var gap = System.Diagnostics.Stopwatch.GetElapsedTime(last, now).Ticks;
            if (++readings > 1 && gap > Interlocked.Read(ref longestTicks))
            {
                Interlocked.Exchange(ref longestTicks, gap);
            }

            last = now;
            Thread.Sleep(Pause);
        }
    }

    private void Look()
    {
        lock (reading)
        {
            var used = memory.Bytes ?? 0;
            if (used > Interlocked.Read(ref peak))
            {
                Interlocked.Exchange(ref peak, used);
            }
        }
    }
}
