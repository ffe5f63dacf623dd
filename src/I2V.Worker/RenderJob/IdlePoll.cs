using I2V.Worker.Gateway;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker.RenderJob;

/// <summary>
/// Asks without a ticket: at once after each job while there is work, and every 10 s otherwise. With the broker down, its
/// queues purged or an endpoint dead, the fleet keeps working.
/// </summary>
internal sealed partial class IdlePoll(WorkLoop work, StopPolicy stop, IOptions<WorkerOptions> options, ILogger<IdlePoll> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Fires with the first sign of stopping; the token above only when this service's own turn comes.
        var stopping = stop.Stopping;
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                if (!await AskAsync(stopping))
                {
                    await PauseAsync(stopping);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Nothing was claimed.
        }
    }

    private async Task<bool> AskAsync(CancellationToken stopping)
    {
        try
        {
            return await work.TryRunOneAsync(stopping);
        }
        catch (GatewayException error)
        {
            LogNoAnswer(error.Message);
            return false;
        }
    }

    private async Task PauseAsync(CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        await Task.WhenAny(Task.Delay(options.Value.IdlePoll, stop.Time, either.Token), work.WaitForJobEndAsync(either.Token));
        await either.CancelAsync();
    }

    [LoggerMessage(3401, LogLevel.Warning, "Could not ask for a job: {Reason}")]
    private partial void LogNoAnswer(string reason);
}
