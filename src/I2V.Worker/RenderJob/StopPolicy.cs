using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker.RenderJob;

/// <summary>What happens to the running attempt when the process is told to stop: it ends if that fits the time, else it is given back.</summary>
internal sealed partial class StopPolicy(
    IHostApplicationLifetime lifetime, IOptions<WorkerOptions> options, TimeProvider time, ILogger<StopPolicy> logger)
{
    public TimeProvider Time => time;

    public CancellationToken Stopping => lifetime.ApplicationStopping;

    public IDisposable Watch(LeaseKeeper lease, AttemptProgress progress) =>
        lifetime.ApplicationStopping.Register(() => Decide(lease, progress.Current.EtaSeconds));

    /// <summary>Stops the process, which takes no job any more; whoever supervises it starts another one.</summary>
    public void EndForLostDevice()
    {
        LogDeviceLost(WorkerProcess.ExitDeviceLost);
        Environment.ExitCode = WorkerProcess.ExitDeviceLost;
        lifetime.StopApplication();
    }

    private void Decide(LeaseKeeper lease, double? etaSeconds)
    {
        var limit = options.Value.DrainTimeout;
        if (etaSeconds is { } eta && eta <= limit.TotalSeconds)
        {
            LogFinishing(eta, limit.TotalSeconds);
            lease.StopAfter(AttemptStop.Draining, limit);
        }
        else
        {
            LogReleasing(limit.TotalSeconds);
            lease.Stop(AttemptStop.Draining);
        }
    }

    [LoggerMessage(3011, LogLevel.Information, "Stopping: the running job needs about {Eta:0.0} s more and has {Limit:0} s")]
    private partial void LogFinishing(double eta, double limit);

    [LoggerMessage(3013, LogLevel.Critical, "The device answers this process no more: ending with {Code}, so that a restart mends it")]
    private partial void LogDeviceLost(int code);

    [LoggerMessage(3012, LogLevel.Information, "Stopping: the running job would not end within {Limit:0} s, so it is given back")]
    private partial void LogReleasing(double limit);
}
