using I2V.Gateway.Database;
using I2V.Gateway.Events;

namespace I2V.Gateway.Jobs;

/// <summary>Holds a request until its job is what the caller waits for, without asking the database meanwhile.</summary>
internal sealed class JobWait(JobReader jobs, JobObjects objects, EventSignal signal, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    /// <summary>The longest that any call waits.</summary>
    public static readonly TimeSpan Most = TimeSpan.FromSeconds(60);

    /// <returns>The job as it was when <paramref name="enough"/> agreed or the time was up; null when it was deleted meanwhile.</returns>
    public async Task<JobView?> UntilAsync(JobRow job, TimeSpan limit, Func<JobView, bool> enough, CancellationToken ct)
    {
        var started = clock.GetTimestamp();
        using var waiter = signal.Subscribe(job.Id);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        while (true)
        {
            if (await jobs.FindAsync(job.Id, job.TenantId, ct) is not { } row)
            {
                return null;
            }

            var view = await objects.ToViewAsync(row, ct);
            var left = limit - clock.GetElapsedTime(started);
            if (enough(view) || left <= TimeSpan.Zero || stop.IsCancellationRequested)
            {
                return view;
            }

            await waiter.WaitAsync(left, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }
}
