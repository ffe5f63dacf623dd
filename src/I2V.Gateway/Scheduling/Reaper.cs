using I2V.Gateway.Database;
using I2V.Gateway.Fit;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// Looks for lapsed leases, due deadlines, lost tickets and jobs that fit nobody. It runs on every gateway without a leader: whoever comes first
/// does it, since locked rows are skipped and every change is fenced.
/// </summary>
internal sealed partial class Reaper(
    JobTransitions transitions, RefitJobs refit, IOptions<SchedulingOptions> options, TimeProvider clock, ILogger<Reaper> log) : BackgroundService
{
    private static readonly TimeSpan PruneEvery = TimeSpan.FromMinutes(10);

    private long? prunedAt;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), clock);
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (DatabaseFailure.IsPassing(error))
            {
                LogPostponed(error.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task SweepAsync(CancellationToken ct)
    {
        int reaped;
        while ((reaped = await transitions.ReapAsync(ct)) > 0)
        {
            LogReaped(reaped);
        }

        int expired;
        while ((expired = await transitions.ExpireAsync(ct)) > 0)
        {
            LogExpired(expired);
        }

        if (await refit.SweepAsync(ct) is > 0 and var refitted)
        {
            LogRefitted(refitted);
        }

        if (await transitions.ReticketAsync(ct) is > 0 and var tickets)
        {
            LogReticketed(tickets);
        }

        if (prunedAt is not { } at || clock.GetElapsedTime(at) >= PruneEvery)
        {
            await transitions.PruneAsync(ct);
            prunedAt = clock.GetTimestamp();
        }
    }

    [LoggerMessage(2201, LogLevel.Warning, "{Count} leases had lapsed: their workers fell silent or ran too long")]
    private partial void LogReaped(int count);

    [LoggerMessage(2202, LogLevel.Information, "{Count} jobs had passed their deadline")]
    private partial void LogExpired(int count);

    [LoggerMessage(2203, LogLevel.Information, "{Count} jobs waited for a minute beside an idle worker and got a new ticket")]
    private partial void LogReticketed(int count);

    [LoggerMessage(2205, LogLevel.Information, "{Count} waiting jobs moved to another lane or failed, because of who is there to take them")]
    private partial void LogRefitted(int count);

    [LoggerMessage(2204, LogLevel.Warning, "The sweep for lapsed leases is postponed: {Reason}")]
    private partial void LogPostponed(string reason);
}
