namespace I2V.Gateway.Storage;

/// <summary>
/// Makes the bucket or folder once at start. Storage that is down then does not stop the gateway: it says so once and tries
/// again, while <c>/health/ready</c> keeps users away.
/// </summary>
internal sealed partial class PrepareStorage(IObjectStore objects, TimeProvider clock, ILogger<PrepareStorage> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                await objects.CheckAsync(stoppingToken);
                LogReady();
                return;
            }
            catch (StorageException error)
            {
                if (tries == 0)
                {
                    LogUnavailable(error);
                }
            }

            await Task.Delay(Pause, clock, stoppingToken);
        }
    }

    [LoggerMessage(6001, LogLevel.Information, "Object storage is ready")]
    private partial void LogReady();

    [LoggerMessage(6002, LogLevel.Warning, "Object storage is not ready; trying again until it is")]
    private partial void LogUnavailable(StorageException error);
}
