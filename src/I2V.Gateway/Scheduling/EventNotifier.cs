using I2V.Gateway.Database;
using Npgsql;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// Tells every gateway which jobs have new events: <c>NOTIFY i2v_events</c> with the job's id. It has a transaction of its
/// own, because a NOTIFY inside the submit makes all commits of the database take turns. Progress is told four times a second.
/// </summary>
internal sealed partial class EventNotifier(NpgsqlDataSource database, JobSignals signals, TimeProvider clock, ILogger<EventNotifier> log)
    : BackgroundService
{
    public const string Channel = "i2v_events";

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(250);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var lastProgress = clock.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // With nothing to tell it sleeps until it is woken: an idle gateway costs nothing.
                await signals.WaitForChangeAsync(signals.HasProgress ? ProgressEvery : Timeout.InfiniteTimeSpan, stoppingToken);
                List<Guid> jobs = [.. signals.TakeChanged()];
                if (clock.GetElapsedTime(lastProgress) >= ProgressEvery)
                {
                    lastProgress = clock.GetTimestamp();
                    jobs.AddRange(signals.TakeProgressed());
                }

                await NotifyAsync(jobs, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (DatabaseFailure.IsPassing(error))
            {
                LogNotTold(error.Message);
            }
        }
    }

    private async Task NotifyAsync(List<Guid> jobs, CancellationToken ct)
    {
        if (jobs.Count == 0)
        {
            return;
        }

        await using var command = database.CreateCommand($"select pg_notify('{Channel}', id) from unnest($1::text[]) as id");
        command.Parameters.Texts(jobs.Select(job => job.ToString()));
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(2101, LogLevel.Warning, "Event streams were not woken and will find their events by looking: {Reason}")]
    private partial void LogNotTold(string reason);
}
