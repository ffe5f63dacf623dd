namespace I2V.Tests;

/// <summary>
/// A clock that only the test moves. A test waits for the timer that the code under test is about to set, then moves the
/// clock: nothing depends on how fast this machine is.
/// </summary>
internal sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock sync = new();
    private readonly List<ManualTimer> timers = [];
    private readonly List<(TimeSpan Due, TaskCompletionSource Set)> awaited = [];
    private TimeSpan now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Now
    {
        get
        {
            lock (sync)
            {
                return now;
            }
        }
    }

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero) + Now;

    public override long GetTimestamp() => Now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Completes once some timer is due exactly this long from now.</summary>
    public Task TimerSetAsync(TimeSpan due)
    {
        lock (sync)
        {
            if (timers.Exists(timer => timer.Due == now + due))
            {
                return Task.CompletedTask;
            }

            var set = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            awaited.Add((now + due, set));
            return set.Task.WaitAsync(TimeSpan.FromSeconds(10), System, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Moves the clock and fires what became due, in order.</summary>
    public void Advance(TimeSpan by)
    {
        var end = Now + by;
        while (NextDue(end) is { } timer)
        {
            timer.Fire();
        }

        lock (sync)
        {
            now = end;
        }
    }

    private ManualTimer? NextDue(TimeSpan end)
    {
        lock (sync)
        {
            var next = timers.Where(timer => timer.Due <= end).MinBy(timer => timer.Due);
            if (next is not null)
            {
                now = next.Due > now ? next.Due : now;
                next.Next();
            }

            return next;
        }
    }

    private sealed class ManualTimer(ManualTimeProvider clock, Action callback) : ITimer
    {
        private TimeSpan period;

        public TimeSpan Due { get; private set; }

        public void Fire() => callback();

        /// <summary>What follows when it has become due: the next period, or nothing.</summary>
        public void Next()
        {
            if (period > TimeSpan.Zero)
            {
                Due += period;
            }
            else
            {
                clock.timers.Remove(this);
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.sync)
            {
                clock.timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    return true;
                }

                this.period = period;
                Due = clock.now + dueTime;
                clock.timers.Add(this);
                clock.awaited.Where(wait => wait.Due == Due).ToList().ForEach(wait => wait.Set.TrySetResult());
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock.sync)
            {
                clock.timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
