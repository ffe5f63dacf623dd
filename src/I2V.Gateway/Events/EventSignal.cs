using I2V.Protocol.Jobs;
using Npgsql;

namespace I2V.Gateway.Events;

/// <summary>
/// Wakes who waits for a job: one <c>LISTEN</c> connection per gateway, whatever the number of streams. A notification is only a
/// hint to look at the table; when the connection breaks, everybody is woken after the next connect and nothing is missed.
/// </summary>
internal sealed partial class EventSignal(NpgsqlDataSource database, TimeProvider clock, ILogger<EventSignal> log) : BackgroundService
{
    public const string Channel = "i2v_events";

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(15);

    private readonly TimeProvider clock = clock;
    private readonly Dictionary<Guid, List<Waiter>> waiters = [];
    private volatile bool listening;

    /// <summary>How long a waiter may trust that it would have been woken.</summary>
    public TimeSpan SafetyPoll => listening ? TimeSpan.FromSeconds(10) : TimeSpan.FromSeconds(2);

    /// <summary>Subscribe first and read the table afterwards, so that a change in between is not missed.</summary>
    public Waiter Subscribe(Guid jobId)
    {
        var waiter = new Waiter(this, jobId);
        lock (waiters)
        {
            if (!waiters.TryGetValue(jobId, out var list))
            {
                waiters[jobId] = list = [];
            }

            list.Add(waiter);
        }

        return waiter;
    }

    /// <summary>Wakes the waiters of the jobs that the payload names; all of them when it names none that we can read.</summary>
    public void Wake(string payload)
    {
        lock (waiters)
        {
            foreach (var name in payload.Split(',', StringSplitOptions.TrimEntries))
            {
                if (!JobId.TryParse(name, out var id) && !Guid.TryParse(name, out id))
                {
                    WakeAll();
                    return;
                }

                waiters.GetValueOrDefault(id)?.ForEach(waiter => waiter.Wake());
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var retry = FirstRetry;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(() => retry = FirstRetry, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is NpgsqlException or IOException or TimeoutException or InvalidOperationException)
            {
                LogLost(error, retry.TotalSeconds);
            }

            listening = false;
            WakeAll();
            await Task.Delay(retry, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, LongestRetry.Ticks));
        }
    }

    private async Task ListenAsync(Action connected, CancellationToken ct)
    {
        // A connection of its own: a pooled one would forget the LISTEN when it is returned. Keep-alives find a peer that is gone.
        await using var connection = await OpenAsync(ct);
        connection.Notification += (_, notice) => Wake(notice.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
        {
            await listen.ExecuteNonQueryAsync(ct);
        }

        listening = true;
        connected();
        WakeAll();
        while (true)
        {
            await connection.WaitAsync(ct);
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
    {
        await using var pooled = database.CreateConnection();
        var settings = new NpgsqlConnectionStringBuilder(pooled.ConnectionString) { Pooling = false, KeepAlive = 10, Options = null };
        var connection = pooled.CloneWith(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private void WakeAll()
    {
        lock (waiters)
        {
            foreach (var waiter in waiters.Values.SelectMany(list => list))
            {
                waiter.Wake();
            }
        }
    }

    private void Remove(Waiter waiter)
    {
        lock (waiters)
        {
            if (waiters.TryGetValue(waiter.JobId, out var list) && list.Remove(waiter) && list.Count == 0)
            {
                waiters.Remove(waiter.JobId);
            }
        }
    }

    [LoggerMessage(7001, LogLevel.Warning, "The connection that listens for job events broke; streams look at the table themselves. Next try in {Seconds} s")]
    private partial void LogLost(Exception error, double seconds);

    /// <summary>One stream or long poll that waits for one job.</summary>
    internal sealed class Waiter(EventSignal signal, Guid jobId) : IDisposable
    {
        private readonly SemaphoreSlim woken = new(0, 1);

        public Guid JobId => jobId;

        /// <summary>Returns when the job may have changed, after the safety poll, or after <paramref name="most"/>.</summary>
        public async Task WaitAsync(TimeSpan most, CancellationToken ct)
        {
            var limit = most < signal.SafetyPoll ? most : signal.SafetyPoll;
            if (limit <= TimeSpan.Zero)
            {
                return;
            }

            await using var timer = signal.clock.CreateTimer(_ => Wake(), null, limit, Timeout.InfiniteTimeSpan);
            await woken.WaitAsync(ct);
        }

        public void Wake()
        {
            lock (woken)
            {
                if (woken.CurrentCount == 0)
                {
                    woken.Release();
                }
            }
        }

        public void Dispose() => signal.Remove(this);
    }
}
