using I2V.Worker.RenderJob;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.Devices;

/// <summary>Ends the process when its GPU falls off the bus, even while no job would notice: an idle worker must not take jobs that it cannot do.</summary>
internal sealed partial class LostDeviceWatch(Device device, StopPolicy stop, ILogger<LostDeviceWatch> logger) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => WatchAsync(stoppingToken);

    internal async Task WatchAsync(CancellationToken stopping)
    {
        try
        {
            LogLost(await device.Lost.WaitAsync(stopping));
            stop.EndForLostDevice();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The device has outlived the process. A host that cannot start would call this a failure.
        }
    }

    [LoggerMessage(4001, LogLevel.Critical, "{Reason}")]
    private partial void LogLost(string reason);
}
