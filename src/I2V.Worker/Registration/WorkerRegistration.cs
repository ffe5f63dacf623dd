using I2V.Protocol.Workers;
using I2V.Worker.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.Registration;

/// <summary>
/// Introduces the worker to the gateway, keeps saying that it is there, and says goodbye. It starts after the model is
/// warm and stops after the last job has ended, since hosted services stop in reverse order.
/// </summary>
internal sealed partial class WorkerRegistration(
    GatewayClient gateway,
    WorkerIdentity identity,
    WorkerState state,
    TimeProvider time,
    ILogger<WorkerRegistration> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private bool isDraining;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (identity.Current is not { } me)
        {
            return;
        }

        try
        {
            await gateway.GoodbyeAsync(me.WorkerId, cancellationToken);
        }
        catch (Exception error) when (error is GatewayException or OperationCanceledException)
        {
            LogNoGoodbye(error.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var me = identity.Current ?? await RegisterAsync(stoppingToken);
            await HeartbeatAsync(me, stoppingToken);
            await PauseAsync(stoppingToken);
        }
    }

    private async Task<WorkerRegistered> RegisterAsync(CancellationToken ct)
    {
        for (var pause = TimeSpan.FromMilliseconds(250); ; pause = Shorter(pause * 2, LongestPause))
        {
            try
            {
                var me = await gateway.RegisterAsync(state.Describe(), ct);
                identity.Set(me);
                LogRegistered(state.Name, me.WorkerId);
                return me;
            }
            catch (GatewayException error)
            {
                // A wrong key is retried too: keys can be mended while the worker waits, and a crash loop would help nobody.
                LogNotRegistered(error.Message, pause.TotalSeconds);
            }

            await Task.Delay(pause, time, ct);
        }
    }

    private async Task HeartbeatAsync(WorkerRegistered me, CancellationToken ct)
    {
        if (state.IsBusy)
        {
            return; // the lease's heartbeats say it, with more detail
        }

        try
        {
            Obey(await gateway.HeartbeatIdleAsync(me.WorkerId, state.Beat(), ct));
        }
        catch (GatewayException error) when (error.Error == GatewayError.NotFound)
        {
            LogForgotten(me.WorkerId);
            identity.Forget(me.WorkerId);
        }
        catch (GatewayException error)
        {
            LogNoHeartbeat(error.Message);
        }
    }

    /// <summary>It asks on, so that it has work at once when the drain is taken back; what it gets meanwhile is the gateway's to decide.</summary>
    private void Obey(IdleHeartbeatAnswer answer)
    {
        if (answer.Drain == isDraining)
        {
            return;
        }

        isDraining = answer.Drain;
        if (isDraining)
        {
            LogDrained();
        }
        else
        {
            LogResumed();
        }
    }

    private async Task PauseAsync(CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(Task.Delay(Interval, time, either.Token), identity.WaitForgottenAsync(either.Token));
        await either.CancelAsync();
    }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    [LoggerMessage(2001, LogLevel.Information, "Registered as {Name}, worker {WorkerId}: ready for jobs")]
    private partial void LogRegistered(string name, Guid workerId);

    [LoggerMessage(2002, LogLevel.Warning, "Could not register ({Reason}); trying again in {Seconds:0.0} s")]
    private partial void LogNotRegistered(string reason, double seconds);

    [LoggerMessage(2003, LogLevel.Warning, "The gateway does not know worker {WorkerId} any more; registering again")]
    private partial void LogForgotten(Guid workerId);

    [LoggerMessage(2004, LogLevel.Warning, "A heartbeat did not arrive: {Reason}")]
    private partial void LogNoHeartbeat(string reason);

    [LoggerMessage(2005, LogLevel.Warning, "The gateway did not hear the goodbye ({Reason}); it will notice the silence")]
    private partial void LogNoGoodbye(string reason);

    [LoggerMessage(2006, LogLevel.Information, "Drained: the gateway gives this worker no further job until somebody resumes it")]
    private partial void LogDrained();

    [LoggerMessage(2007, LogLevel.Information, "Resumed: the gateway gives this worker jobs again")]
    private partial void LogResumed();
}

internal static class RegistrationExtensions
{
    public static void AddRegistration(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<WorkerIdentity>();
        builder.Services.AddSingleton<WorkerState>();
        builder.Services.AddHostedService<WorkerRegistration>();
    }
}
