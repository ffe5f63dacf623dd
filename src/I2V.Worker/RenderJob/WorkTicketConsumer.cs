using I2V.Protocol.Bus;
using I2V.Worker.Gateway;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.RenderJob;

/// <summary>
/// Takes a ticket as a reason to ask the gateway for a job, and holds it until that job ends, so that the broker shows
/// what runs and gives a busy worker no second one.
/// The consume context's token is never passed on: it fires when the connection to the broker breaks, and a job does not
/// need the broker. Nothing is thrown either: an error queue full of hints would help nobody.
/// </summary>
internal sealed partial class WorkTicketConsumer(WorkLoop work, StopPolicy stop, ILogger<WorkTicketConsumer> logger) : IConsumer<WorkTicket>
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    public async Task Consume(ConsumeContext<WorkTicket> context)
    {
        if (!work.TryHoldTicket())
        {
            LogSecondTicket(context.Message.Lane);
            return;
        }

        try
        {
            await WorkOnceAsync(stop.Stopping);
        }
        catch (OperationCanceledException) when (stop.Stopping.IsCancellationRequested)
        {
            // The process stops; whoever is left finds the job by asking.
        }
#pragma warning disable CA1031 // A ticket is a hint; what went wrong is in the log and in the job.
        catch (Exception error)
#pragma warning restore CA1031
        {
            LogFailed(error);
        }
        finally
        {
            work.DropTicket();
        }
    }

    /// <summary>Keeps the ticket while the gateway is away, instead of eating every ticket that waits.</summary>
    private async Task WorkOnceAsync(CancellationToken ct)
    {
        for (var pause = TimeSpan.FromMilliseconds(500); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await work.TryRunOneAsync(ct);
                return;
            }
            catch (GatewayException error)
            {
                LogNoAnswer(error.Message, pause.TotalSeconds);
            }

            await Task.Delay(pause, stop.Time, ct);
        }
    }

    [LoggerMessage(3301, LogLevel.Debug, "A ticket of {Lane} came while another one is held")]
    private partial void LogSecondTicket(string lane);

    [LoggerMessage(3302, LogLevel.Warning, "Could not ask for a job ({Reason}); asking again in {Seconds:0.0} s")]
    private partial void LogNoAnswer(string reason, double seconds);

    [LoggerMessage(3303, LogLevel.Error, "A ticket could not be worked on")]
    private partial void LogFailed(Exception error);
}
