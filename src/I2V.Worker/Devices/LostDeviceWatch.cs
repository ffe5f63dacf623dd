using I2V.Worker.RenderJob;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.Devices;

/// <summary>Ends the process when its GPU falls off the bus, even while no job would notice: an idle worker must not take jobs that it cannot do.</summary>
internal sealed partial class LostDeviceWatch(Device device, StopPolicy stop, ILogger<LostDeviceWatch> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        LogLost(await device.Lost.WaitAsync(stoppingToken));
        stop.EndForLostDevice();
    }

    [LoggerMessage(4001, LogLevel.Critical, "{Reason}")]
    private partial void LogLost(string reason);
}
