using System.Diagnostics;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace I2V.Benchmarks;

/// <summary>What the broker itself can do: the reference that our ticket path is compared with.</summary>
internal static class RawBroker
{
    private static readonly BasicProperties Persistent = new() { Persistent = true };

    /// <summary>Publishes 1 KB messages one by one, each confirmed, to a durable classic queue.</summary>
    public static async Task<Samples> PublishConfirmedAsync(string url, int count)
    {
        await using var connection = await ConnectAsync(url);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await channel.QueueDeclareAsync("bench.publish", durable: true, exclusive: false, autoDelete: false);
        var body = new byte[1024];

        var samples = await Samples.MeasureAsync(1, count, async _ =>
            await channel.BasicPublishAsync("", "bench.publish", mandatory: true, Persistent, body));
        await channel.QueueDeleteAsync("bench.publish");
        return samples;
    }

    /// <summary>Time from before a confirmed publish until an idle consumer has the message.</summary>
    public static async Task<Samples> PublishToDeliverAsync(string url, int count)
    {
        await using var connection = await ConnectAsync(url);
        await using var publisher = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await using var receiver = await connection.CreateChannelAsync();
        await publisher.QueueDeclareAsync("bench.deliver", durable: true, exclusive: false, autoDelete: false);

        var delivered = new TaskCompletionSource<long>();
        var consumer = new AsyncEventingBasicConsumer(receiver);
        consumer.ReceivedAsync += async (_, message) =>
        {
            var at = Stopwatch.GetTimestamp();
            await receiver.BasicAckAsync(message.DeliveryTag, multiple: false);
            delivered.TrySetResult(at);
        };
        await receiver.BasicConsumeAsync("bench.deliver", autoAck: false, consumer);

        var latencies = new double[count];
        var wall = Stopwatch.StartNew();
        for (var i = 0; i < count; i++)
        {
            delivered = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            var start = Stopwatch.GetTimestamp();
            await publisher.BasicPublishAsync("", "bench.deliver", mandatory: true, Persistent, new byte[1024]);
            latencies[i] = Stopwatch.GetElapsedTime(start, await delivered.Task).TotalMilliseconds;
        }

        await publisher.QueueDeleteAsync("bench.deliver");
        return new Samples(latencies, wall.Elapsed);
    }

    public static Task<IConnection> ConnectAsync(string url) => new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync();
}
