namespace I2V.Inference.Devices;

/// <summary>
/// Asks a device once a second in the background and keeps the answer, so that reading it never waits for a driver. A
/// question that the driver has not answered yet is not asked again; <see cref="GpuSample.TakenAt"/> tells how old the
/// answer is. Thread-safe.
/// </summary>
public sealed class SampledProbe : IGpuProbe, IDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly IGpuProbe probe;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private readonly TaskCompletionSource<string> lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile GpuSample latest;
    private volatile string? trouble;
    private int asking;

    /// <exception cref="DeviceException">The first question was not answered.</exception>
    public SampledProbe(IGpuProbe probe, TimeProvider time)
    {
        this.probe = probe;
        latest = probe.Read();
        timer = time.CreateTimer(_ => Sample(), state: null, Interval, Interval);
    }

    public GpuFacts Facts => probe.Facts;

    /// <summary>The last answer.</summary>
    public GpuSample Latest => latest;

    /// <summary>Why <see cref="Latest"/> is not newer: one sentence. Null while the device answers.</summary>
    public string? Trouble => trouble;

    /// <summary>Completes with one sentence once the device is lost, which it stays: then nothing is asked any more.</summary>
    public Task<string> Lost => lost.Task;

    /// <summary>Asks now, on the caller's thread, and keeps the answer: for plans, which need memory as it is after the last release.</summary>
    /// <exception cref="DeviceException">The device is lost, or did not answer this time.</exception>
    public GpuSample Read()
    {
        try
        {
            var sample = probe.Read();
            Keep(sample);
            return sample;
        }
        catch (DeviceException error)
        {
            trouble = error.Message;
            if (error.Error == DeviceError.Lost)
            {
                timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                lost.TrySetResult(error.Message);
            }

            throw;
        }
    }

    public void Dispose() => timer.Dispose();

    /// <summary>An answer that took long may come after a newer one.</summary>
    private void Keep(GpuSample sample)
    {
        lock (gate)
        {
            latest = sample.TakenAt >= latest.TakenAt ? sample : latest;
            trouble = null;
        }
    }

    private void Sample()
    {
        if (lost.Task.IsCompleted || Interlocked.Exchange(ref asking, 1) == 1)
        {
            return;
        }

        try
        {
            Read();
        }
        catch (DeviceException)
        {
            // Trouble tells; the next second may be better.
        }
        finally
        {
            Volatile.Write(ref asking, 0);
        }
    }
}
