using System.Net.Sockets;
using I2V.Protocol.Bus;
using I2V.Worker.Registration;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker;

/// <summary>
/// Ends the process when its ticket queues stay unhealthy while it is idle although the broker answers: then something in
/// here is stuck, and a supervisor's restart mends it. A broker that does not answer is no reason: reconnecting is the
/// bus's business, and the idle poll does without.
/// </summary>
internal sealed partial class Watchdog(
    IBusControl bus,
    WorkerState state,
    IOptions<WorkerOptions> options,
    IOptions<BusOptions> broker,
    WatchdogEnd end) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var sick = new Sickness(options.Value.UnhealthyLimit);
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Interval, end.Time, stoppingToken);
            var unhealthy = !state.IsBusy
                && bus.CheckHealth().Status != BusHealthStatus.Healthy
                && await BrokerAnswersAsync(stoppingToken);
            if (sick.LastsTooLong(unhealthy, end.Time.GetUtcNow()))
            {
                end.Now(options.Value.UnhealthyLimit);
                return;
            }
        }
    }

    private async Task<bool> BrokerAnswersAsync(CancellationToken ct)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(TimeSpan.FromSeconds(2));
        var url = new Uri(broker.Value.Url);
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(url.Host, url.Port > 0 ? url.Port : url.Scheme == "amqps" ? 5671 : 5672, deadline.Token);
            return true;
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            return false;
        }
    }
}

/// <summary>Counts how long something has been wrong without a break.</summary>
internal sealed class Sickness(TimeSpan limit)
{
    private DateTimeOffset? since;

    public bool LastsTooLong(bool unhealthy, DateTimeOffset now)
    {
        since = unhealthy ? since ?? now : null;
        return since is { } start && now - start >= limit;
    }
}

/// <summary>Ends the process: politely, and if it does not stop in time, without asking.</summary>
internal sealed partial class WatchdogEnd(
    IHostApplicationLifetime lifetime, IOptions<WorkerOptions> options, TimeProvider time, ILogger<WatchdogEnd> logger) : IHostedService, IDisposable
{
    private ITimer? hardStop;

    public TimeProvider Time => time;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // A bus whose stop hangs would keep the process, and its device, for ever.
        var limit = options.Value.DrainTimeout + WorkerProcess.StopMargin + TimeSpan.FromSeconds(5);
        lifetime.ApplicationStopping.Register(() => hardStop = time.CreateTimer(
            _ => Environment.Exit(WorkerProcess.ExitUnhealthy), state: null, limit, Timeout.InfiniteTimeSpan));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Now(TimeSpan limit)
    {
        LogUnhealthy(limit.TotalSeconds);
        Environment.ExitCode = WorkerProcess.ExitUnhealthy;
        lifetime.StopApplication();
    }

    public void Dispose() => hardStop?.Dispose();

    [LoggerMessage(5001, LogLevel.Critical, "The ticket queues have been unhealthy for {Seconds:0} s although the broker answers: ending, so that a restart mends it")]
    private partial void LogUnhealthy(double seconds);
}

internal static class WatchdogExtensions
{
    public static void AddWatchdog(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<WatchdogEnd>();
        builder.Services.AddHostedService(services => services.GetRequiredService<WatchdogEnd>());
        builder.Services.AddHostedService<Watchdog>();
    }
}
