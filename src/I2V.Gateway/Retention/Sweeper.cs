using I2V.Gateway.Database;
using I2V.Gateway.Storage;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Retention;

/// <summary>
/// Removes what is no longer needed: objects of attempts that were not the result, files and rows of jobs that ended long ago,
/// objects that no row knows. It runs on every gateway without a leader.
/// </summary>
internal sealed partial class Sweeper(
    EndedRows rows, DoomedObjects doomed, UnknownObjects unknown, SweepMetrics metrics,
    IOptions<RetentionOptions> options, TimeProvider clock, ILogger<Sweeper> log) : BackgroundService
{
    private bool storageWasAway;

    /// <summary>One round. What cannot be done now is left to the next.</summary>
    public async Task SweepAsync(CancellationToken ct)
    {
        try
        {
            var ended = await rows.SweepAsync(ct);
            metrics.Jobs.Add(ended.Jobs);
            if (ended.Any)
            {
                LogEnded(ended.Attempts, ended.Films, ended.Jobs, ended.Keys);
            }

            await SweepObjectsAsync(ct);
        }
        catch (Exception error) when (DatabaseFailure.IsPassing(error) && !ct.IsCancellationRequested)
        {
            metrics.Postponed.Add(1, new KeyValuePair<string, object?>("reason", "database"));
            LogPostponed(error.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await SweepAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The gateway stops; what was taken comes back to another one.
        }
    }

    private async Task SweepObjectsAsync(CancellationToken ct)
    {
        try
        {
            var emptied = await doomed.SweepAsync(ct);
            var deleted = await unknown.SweepAsync(ct);
            metrics.Prefixes.Add(emptied);
            metrics.Unknown.Add(deleted);
            storageWasAway = false;
            if (emptied > 0)
            {
                LogEmptied(emptied);
            }

            if (deleted > 0)
            {
                LogUnknown(deleted);
            }
        }
        catch (StorageException error)
        {
            metrics.Postponed.Add(1, new KeyValuePair<string, object?>("reason", "storage"));
            if (!storageWasAway)
            {
                LogStorage(error.Message);
            }

            storageWasAway = true;
        }
    }

    [LoggerMessage(8001, LogLevel.Information, "Swept: {Attempts} attempts without a result, files of {Films} jobs, {Jobs} jobs and {Keys} idempotency keys are no longer kept")]
    private partial void LogEnded(int attempts, int films, int jobs, int keys);

    [LoggerMessage(8002, LogLevel.Information, "Objects of {Count} attempts and jobs were deleted")]
    private partial void LogEmptied(int count);

    [LoggerMessage(8003, LogLevel.Warning, "{Count} stored objects that no row knows were deleted")]
    private partial void LogUnknown(int count);

    [LoggerMessage(8004, LogLevel.Warning, "Objects cannot be deleted now, which is tried again every round: {Reason}")]
    private partial void LogStorage(string reason);

    [LoggerMessage(8005, LogLevel.Warning, "The sweep is postponed: {Reason}")]
    private partial void LogPostponed(string reason);
}
