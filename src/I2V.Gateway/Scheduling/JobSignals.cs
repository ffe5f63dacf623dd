using System.Collections.Concurrent;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// What a transition tells the rest of this process once it is committed. Nothing rests on it: the outbox and the event
/// streams look by themselves too, only later.
/// </summary>
internal sealed class JobSignals : IDisposable
{
    private readonly ConcurrentDictionary<Guid, byte> changed = new();
    private readonly ConcurrentDictionary<Guid, byte> progressed = new();
    private readonly SemaphoreSlim change = new(0, 1);
    private readonly SemaphoreSlim ticket = new(0, 1);
    private readonly SemaphoreSlim webhook = new(0, 1);

    /// <summary>The job has a new event that people wait for.</summary>
    public void Changed(Guid jobId)
    {
        changed[jobId] = 0;
        Raise(change);
        Raise(webhook);
    }

    /// <summary>The job moved on a little, which may be told together with other jobs' progress.</summary>
    public void Progressed(Guid jobId)
    {
        progressed[jobId] = 0;
        Raise(change);
    }

    public bool HasProgress => !progressed.IsEmpty;

    /// <summary>The outbox has a row.</summary>
    public void TicketWaits() => Raise(ticket);

    /// <summary>A delivery may be due. Every change raises it, since ends are not told apart here.</summary>
    public void WebhookMayWait() => Raise(webhook);

    public Task WaitForWebhookAsync(TimeSpan patience, CancellationToken ct) => webhook.WaitAsync(patience, ct);

    public Task WaitForChangeAsync(TimeSpan patience, CancellationToken ct) => change.WaitAsync(patience, ct);

    public Task WaitForTicketAsync(TimeSpan patience, CancellationToken ct) => ticket.WaitAsync(patience, ct);

    public IReadOnlyCollection<Guid> TakeChanged() => Take(changed);

    public IReadOnlyCollection<Guid> TakeProgressed() => Take(progressed);

    public void Dispose()
    {
        change.Dispose();
        ticket.Dispose();
        webhook.Dispose();
    }

    private static List<Guid> Take(ConcurrentDictionary<Guid, byte> jobs)
    {
        var taken = new List<Guid>();
        foreach (var job in jobs.Keys)
        {
            if (jobs.TryRemove(job, out _))
            {
                taken.Add(job);
            }
        }

        return taken;
    }

    private static void Raise(SemaphoreSlim signal)
    {
        try
        {
            if (signal.CurrentCount == 0)
            {
                signal.Release();
            }
        }
        catch (SemaphoreFullException)
        {
            // Somebody else raised it in between, which is as good.
        }
    }
}
