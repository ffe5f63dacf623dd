using I2V.Protocol.Bus;
using MassTransit;

namespace I2V.Gateway.Scheduling;

/// <summary>Hands one ticket to the broker and waits until it has confirmed it.</summary>
internal sealed class TicketPublisher(IBus bus, TimeProvider clock)
{
    /// <summary>A blocked connection ignores the token of a send, so that the wait itself has an end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <exception cref="MessageReturnedException">No queue is bound to the lane: no worker has ever served it.</exception>
    public async Task PublishAsync(string lane, CancellationToken ct)
    {
        // The address of an exchange: that of a queue would declare the queue anew, without the arguments of a lane.
        var endpoint = await bus.GetSendEndpoint(new Uri("exchange:" + lane)).WaitAsync(Patience, clock, ct);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        await endpoint.Send(new WorkTicket(lane), Pipe.Execute<SendContext<WorkTicket>>(RefuseUnroutable), patience.Token)
            .WaitAsync(Patience, clock, ct);
    }

    private static void RefuseUnroutable(SendContext<WorkTicket> context) =>
        context.GetPayload<RabbitMqSendContext>().Mandatory = true;
}
