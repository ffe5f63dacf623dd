using I2V.Cli.Up;

namespace I2V.IntegrationTests.Servers;

/// <summary>A private RabbitMQ for tests that stop it; the others share one through <see cref="TestServers"/>.</summary>
internal sealed class TestRabbitMq : IAsyncDisposable
{
    private readonly LocalRabbitMq server;
    private readonly ServerHandle names;
    private readonly ServerHandle broker;

    private TestRabbitMq(LocalRabbitMq server, ServerHandle names, ServerHandle broker) =>
        (this.server, this.names, this.broker) = (server, names, broker);

    /// <summary>amqp URL with the password.</summary>
    public string Url => server.Url;

    public static async Task<TestRabbitMq> StartAsync(string name = "rabbitmq")
    {
        var folder = TestFolder.Create(name);
        int port = FreePorts.Pick(), distribution = FreePorts.Pick(port), epmd = FreePorts.Pick(port, distribution);
        var server = await LocalRabbitMq.PrepareAsync(
            new LocalRabbitMqOptions(Path.Combine(folder, "server"), port, distribution, epmd, Secrets.Password()),
            CancellationToken.None);
        var names = new ServerHandle(server.NameServiceCommand(Path.Combine(folder, "epmd.log")), server.IsNameServiceReadyAsync);
        var broker = new ServerHandle(server.Command(Path.Combine(folder, "rabbitmq.log")), server.IsReadyAsync);
        await names.StartAsync();
        await broker.StartAsync();
        TestFolder.AtEnd(async () =>
        {
            await broker.KillAsync();
            await names.KillAsync();
        });
        return new TestRabbitMq(server, names, broker);
    }

    /// <summary>Ends the broker cleanly; its durable queues are kept.</summary>
    public Task StopAsync() => broker.StopAsync();

    /// <summary>As a crash does.</summary>
    public Task KillAsync() => broker.KillAsync();

    /// <summary>Whether broker and name service answer now.</summary>
    public async Task<bool> IsReadyAsync() =>
        await server.IsNameServiceReadyAsync(CancellationToken.None) && await server.IsReadyAsync(CancellationToken.None);

    /// <summary>Same port, same data.</summary>
    public Task StartAgainAsync() => broker.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await broker.KillAsync();
        await names.KillAsync();
    }
}
