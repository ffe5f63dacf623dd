using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;
using I2V.Worker.Gateway;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.RenderJob;

/// <summary>
/// Holds one attempt's lease: a heartbeat as often as the gateway asks (3 s) and on each change of progress, at most two a second. What the
/// gateway answers, the attempt's time limit and the worker's own stop all end in <see cref="Stopped"/>.
/// Without a successful heartbeat for a whole lease the keeper fences the attempt itself, since by then somebody else
/// may have the job.
/// </summary>
internal sealed partial class LeaseKeeper : IAsyncDisposable
{
    public static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(500);

    private readonly GatewayClient gateway;
    private readonly ClaimedJob job;
    private readonly TimeSpan interval;
    private readonly Func<DeviceVitals> vitals;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stopped = new();
    private readonly CancellationTokenSource ended = new();
    private readonly Lock sync = new();
    private readonly ITimer lease;
    private readonly ITimer runLimit;
    private readonly Task beats;
    private TaskCompletionSource changed = NewSignal();
    private JobProgress? progress;
    private AttemptPlan? plan;
    private AttemptStop reason;
    private ITimer? drainLimit;
    private bool isDraining;

    private LeaseKeeper(GatewayClient gateway, ClaimedJob job, TimeSpan interval, Func<DeviceVitals> vitals, TimeProvider time, ILogger logger)
    {
        this.gateway = gateway;
        this.job = job;
        this.interval = interval;
        this.vitals = vitals;
        this.time = time;
        this.logger = logger;
        lease = time.CreateTimer(_ => Fence(), state: null, TimeSpan.FromSeconds(job.LeaseSeconds), Timeout.InfiniteTimeSpan);
        runLimit = time.CreateTimer(_ => Stop(AttemptStop.RunTimeout), state: null, TimeSpan.FromSeconds(job.RunTimeoutSeconds), Timeout.InfiniteTimeSpan);
        beats = Task.Run(BeatAsync);
    }

    /// <summary>Fires once the attempt must stop; <see cref="Reason"/> says why.</summary>
    public CancellationToken Stopped => stopped.Token;

    public AttemptStop Reason
    {
        get
        {
            lock (sync)
            {
                return reason;
            }
        }
    }

    /// <param name="interval">Longest pause between heartbeats.</param>
    /// <param name="vitals">What a heartbeat says about the device; must not wait for it.</param>
    public static LeaseKeeper Start(
        GatewayClient gateway, ClaimedJob job, TimeSpan interval, Func<DeviceVitals> vitals, TimeProvider time, ILogger logger) =>
        new(gateway, job, interval, vitals, time, logger);

    /// <summary>Remembers the newest progress for the next heartbeat. Cheap, from any thread.</summary>
    public void Report(JobProgress newest)
    {
        lock (sync)
        {
            progress = newest;
            changed.TrySetResult();
        }
    }

    /// <summary>Says with every heartbeat from now on how the attempt is carried out, since any of them may be lost.</summary>
    public void Planned(AttemptPlan how)
    {
        lock (sync)
        {
            plan = how;
            changed.TrySetResult();
        }
    }

    public void Stop(AttemptStop why)
    {
        lock (sync)
        {
            if (reason != AttemptStop.None || ended.IsCancellationRequested)
            {
                return;
            }

            reason = why;
        }

        stopped.Cancel();
    }

    /// <summary>Stops the attempt unless it ends by itself before.</summary>
    public void StopAfter(AttemptStop why, TimeSpan limit)
    {
        lock (sync)
        {
            drainLimit ??= time.CreateTimer(_ => Stop(why), state: null, limit, Timeout.InfiniteTimeSpan);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await beats;
        await lease.DisposeAsync();
        await runLimit.DisposeAsync();
        if (drainLimit is not null)
        {
            await drainLimit.DisposeAsync();
        }

        ended.Dispose();
        stopped.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task BeatAsync()
    {
        try
        {
            while (!ended.IsCancellationRequested)
            {
                var sent = time.GetTimestamp();
                if (!await BeatOnceAsync(sent))
                {
                    return;
                }

                await WaitForNextBeatAsync(sent);
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The attempt is over; nobody needs another heartbeat.
        }
    }

    /// <summary>False when there is nothing more to keep.</summary>
    private async Task<bool> BeatOnceAsync(long sent)
    {
        try
        {
            var answer = await gateway.HeartbeatAsync(job.LeaseToken, NextBeat(), ended.Token);
            return Obey(answer, sent);
        }
        catch (GatewayException error) when (error.IsLost)
        {
            LogLost(error.Message);
            Stop(AttemptStop.Lost);
            return false;
        }
        catch (GatewayException error)
        {
            LogMissed(error.Message);
            return Reason != AttemptStop.Lost;
        }
    }

    private bool Obey(HeartbeatAnswer answer, long sent)
    {
        if (answer.Action == HeartbeatAction.Lost)
        {
            LogLost("the gateway says so");
            Stop(AttemptStop.Lost);
            return false;
        }

        // Counted from the moment of asking: the gateway's clock started no earlier than that.
        var left = TimeSpan.FromSeconds(answer.LeaseSeconds) - time.GetElapsedTime(sent);
        lease.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        if (answer.Drain && !isDraining)
        {
            LogDraining();
        }

        isDraining = answer.Drain;
        if (answer.Action == HeartbeatAction.Cancel)
        {
            Stop(AttemptStop.Canceled);
        }

        return true;
    }

    private ClaimHeartbeat NextBeat()
    {
        lock (sync)
        {
            changed = changed.Task.IsCompleted ? NewSignal() : changed;
            var (usedBytes, celsius) = vitals();
            return new ClaimHeartbeat { JobId = job.JobId, Attempt = job.Attempt, Progress = progress, VramUsedBytes = usedBytes, TemperatureCelsius = celsius, Plan = plan };
        }
    }

    private async Task WaitForNextBeatAsync(long sent)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
        await Task.WhenAny(Task.Delay(interval, time, done.Token), Signal().WaitAsync(done.Token));
        await done.CancelAsync();
        var gap = ShortestGap - time.GetElapsedTime(sent);
        if (gap > TimeSpan.Zero)
        {
            await Task.Delay(gap, time, ended.Token);
        }
    }

    private Task Signal()
    {
        lock (sync)
        {
            return changed.Task;
        }
    }

    private void Fence()
    {
        LogFenced(job.LeaseSeconds);
        Stop(AttemptStop.Lost);
    }

    [LoggerMessage(3501, LogLevel.Warning, "The lease is gone ({Why}): this attempt stops and says nothing more")]
    private partial void LogLost(string why);

    [LoggerMessage(3502, LogLevel.Warning, "A heartbeat did not arrive: {Reason}")]
    private partial void LogMissed(string reason);

    [LoggerMessage(3503, LogLevel.Warning, "No heartbeat has arrived for {Seconds} s: the lease may belong to somebody else, so this attempt stops itself")]
    private partial void LogFenced(int seconds);

    [LoggerMessage(3504, LogLevel.Information, "Asked to drain: this job is finished, and the gateway gives this worker no further one")]
    private partial void LogDraining();
}
