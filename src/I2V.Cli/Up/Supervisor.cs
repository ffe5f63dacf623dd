using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>Starts services, starts them again when they die, and stops them in the reverse order.</summary>
internal sealed class Supervisor(Steps steps, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource stopping = new();
    private readonly TaskCompletionSource<string> givenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DeathCount deaths = new(time);
    private readonly List<KeptService> services = [];
    private readonly Lock sync = new();

    /// <summary>Completes with the reason when too much has died.</summary>
    public Task<string> GivenUp => givenUp.Task;

    public bool HasServices
    {
        get
        {
            lock (sync)
            {
                return services.Count > 0;
            }
        }
    }

    /// <summary>Starts a service and returns when it is ready for the first time.</summary>
    public async Task StartAsync(Service service, CancellationToken ct)
    {
        var kept = new KeptService(service);
        lock (sync)
        {
            services.Add(kept);
        }

        kept.Loop = KeepAsync(kept);
        try
        {
            await await Task.WhenAny(kept.Ready.Task.WaitAsync(service.Patience, time, ct), ThrowWhenGivenUpAsync());
        }
        catch (TimeoutException)
        {
            throw new CliException(
                $"{service.Name} has not become ready within {service.Patience.TotalSeconds} s.{LogTail.Of(service.Command.LogFile)}");
        }
    }

    /// <summary>Stops services of the named groups one group after another; within a group at the same time.</summary>
    public async Task StopAsync(params IReadOnlyList<Func<Service, bool>> groups)
    {
        await stopping.CancelAsync();
        List<KeptService> left;
        lock (sync)
        {
            left = [.. services];
        }

        foreach (var group in groups)
        {
            var members = left.Where(kept => group(kept.Service)).ToList();
            left.RemoveAll(members.Contains);
            await Task.WhenAll(members.Select(StopAsync));
        }

        await Task.WhenAll(left.Select(StopAsync));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stopping.Dispose();
    }

    private async Task StopAsync(KeptService kept)
    {
        // A start may be under way; what it started is stopped once it is known.
        await kept.Starting.WaitAsync();
        try
        {
            if (kept.Process is { } process && !await process.StopAsync())
            {
                steps.Say($"{kept.Service.Name} did not stop within {kept.Service.Command.StopTimeout.TotalSeconds} s and was killed");
            }
        }
        finally
        {
            kept.Starting.Release();
        }

        await kept.Loop;
    }

    private async Task KeepAsync(KeptService kept)
    {
        try
        {
            var delay = new RestartDelay();
            while (await TryStartAsync(kept) is { } process)
            {
                var born = time.GetTimestamp();
                var ready = WaitUntilReadyAsync(kept, process);
                var code = await process.Exited;
                await ready;
                if (stopping.IsCancellationRequested)
                {
                    return;
                }

                await WaitAfterDeathAsync(kept.Service, code, delay.After(time.GetElapsedTime(born)));
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopping while a restart waited.
        }
        catch (Exception error)
        {
            givenUp.TrySetResult($"{kept.Service.Name} cannot be kept alive: {error.Message}");
        }
    }

    private async Task<ChildProcess?> TryStartAsync(KeptService kept)
    {
        await kept.Starting.WaitAsync();
        try
        {
            if (stopping.IsCancellationRequested)
            {
                return null;
            }

            await kept.Service.BeforeStart(stopping.Token);
            kept.Process?.Dispose();
            return kept.Process = await ChildProcess.StartAsync(kept.Service.Command);
        }
        finally
        {
            kept.Starting.Release();
        }
    }

    private async Task WaitAfterDeathAsync(Service service, int code, TimeSpan delay)
    {
        if (deaths.Add())
        {
            var reason = $"{service.Name} {Describe(code)}: that is {DeathCount.Limit} deaths within a minute, so `up` ends.";
            givenUp.TrySetResult(reason + LogTail.Of(service.Command.LogFile));
            await Task.Delay(Timeout.InfiniteTimeSpan, time, stopping.Token);
        }

        var where = service.Where.Length > 0 ? " " + service.Where : "";
        steps.Say($"{service.Name} {Describe(code)}; it starts again{where} in {delay.TotalSeconds} s");
        await Task.Delay(delay, time, stopping.Token);
    }

    private async Task WaitUntilReadyAsync(KeptService kept, ChildProcess process)
    {
        try
        {
            var born = time.GetTimestamp();
            var silent = kept.Ready.Task.IsCompleted;
            while (!process.Exited.IsCompleted && !await kept.Service.IsReady(stopping.Token))
            {
                if (silent && time.GetElapsedTime(born) > kept.Service.Patience)
                {
                    // A server may take long to recover, so it is not killed for it; but nobody should wait without knowing.
                    silent = false;
                    steps.Say($"{kept.Service.Name} runs again, but has not become ready within {kept.Service.Patience.TotalSeconds} s; {kept.Service.Command.LogFile} says more");
                }

                await Task.WhenAny(process.Exited, Task.Delay(BetweenLooks, time, stopping.Token));
            }

            if (!process.Exited.IsCompleted)
            {
                kept.Ready.TrySetResult();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Stopping before it was ready.
        }
    }

    private async Task ThrowWhenGivenUpAsync() => throw new CliException(await GivenUp);

    private static string Describe(int code)
    {
        const int signalBase = 128;
        return FormattableString.Invariant(code > signalBase ? (FormattableString)$"was killed by signal {code - signalBase}" : $"ended with exit code {code}");
    }
}
