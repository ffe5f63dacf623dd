using I2V.Protocol.Bus;
using MassTransit;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Scheduling;

/// <summary>Hands one ticket to the broker and waits until it has confirmed it.</summary>
internal sealed class TicketPublisher(IBus bus, IOptions<SchedulingOptions> options, TimeProvider clock)
{
    private readonly TimeSpan patience = TimeSpan.FromSeconds(options.Value.PublishSeconds);

    /// <exception cref="MessageReturnedException">No queue is bound to the lane: no worker has ever served it.</exception>
    /// <exception cref="TimeoutException">The broker did not confirm it in time; it may have arrived nevertheless.</exception>
    public async Task PublishAsync(string lane, CancellationToken ct)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(ct);
        giveUp.CancelAfter(patience);

        // A blocked connection ignores the token of a send, so that the wait itself has an end too.
        await SendAsync(lane, giveUp.Token).WaitAsync(patience, clock, ct);
    }

    private async Task SendAsync(string lane, CancellationToken ct)
    {
        // The address of an exchange: that of a queue would declare the queue anew, without the arguments of a lane.
        var endpoint = await bus.GetSendEndpoint(new Uri("exchange:" + lane));
        await endpoint.Send(new WorkTicket(lane), Pipe.Execute<SendContext<WorkTicket>>(RefuseUnroutable), ct);
    }

    private static void RefuseUnroutable(SendContext<WorkTicket> context) =>
        context.GetPayload<RabbitMqSendContext>().Mandatory = true;
}
