using I2V.Inference.Native;

namespace I2V.GpuProof;

/// <summary>
/// The most that is in use on the device beyond what others hold, by the driver's count, read again as soon as it has
/// answered: a run's peak lasts for milliseconds.
/// </summary>
internal sealed class PeakSampler : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly Nvml nvml;
    private readonly Thread thread;
    private readonly long others;
    private long peak;
    private long readings;
    private long longestTicks;
    private volatile bool ended;

    /// <param name="nvml">Of the device.</param>
    /// <param name="others">In use by others.</param>
    public PeakSampler(Nvml nvml, long others)
    {
        (this.nvml, this.others) = (nvml, others);
        thread = new Thread(Watch) { IsBackground = true, Priority = ThreadPriority.AboveNormal };
        thread.Start();
    }

    /// <summary>Of this process since the last <see cref="Reset"/>.</summary>
    public long PeakBytes => Interlocked.Read(ref peak);

    /// <summary>Longest time between two readings.</summary>
    public TimeSpan LongestGap => TimeSpan.FromTicks(Interlocked.Read(ref longestTicks));

    public void Reset()
    {
        Interlocked.Exchange(ref peak, 0);
        Interlocked.Exchange(ref longestTicks, 0);
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
            var used = (nvml.Read()?.UsedBytes ?? 0) - others;
            if (used > Interlocked.Read(ref peak))
            {
                Interlocked.Exchange(ref peak, used);
            }

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
}
