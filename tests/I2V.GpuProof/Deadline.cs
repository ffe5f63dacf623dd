namespace I2V.GpuProof;

/// <summary>
/// Ends what takes too long: the report says what was going on, work is asked to stop, and a process that does not even do
/// that, as inside a call of the driver, ends with 1.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource source = new();
    private readonly Timer warning;
    private readonly Timer end;

    /// <param name="report">Which is written with what is known.</param>
    /// <param name="limit">From now.</param>
    public Deadline(Report report, TimeSpan limit)
    {
        end = new Timer(_ => Environment.Exit(1));
        warning = new Timer(_ => Expire(report, limit));
        warning.Change(limit, Timeout.InfiniteTimeSpan);
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        warning.Dispose();
        end.Dispose();
        source.Dispose();
    }

    private void Expire(Report report, TimeSpan limit)
    {
        report.Fail($"It did not end within {limit.TotalSeconds} s; the last that was heard: {report.Last}");
        end.Change(Grace, Timeout.InfiniteTimeSpan);
        source.Cancel();
    }
}
