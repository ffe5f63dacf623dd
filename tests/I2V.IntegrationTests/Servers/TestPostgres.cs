using I2V.Cli.Up;

namespace I2V.IntegrationTests.Servers;

/// <summary>A private PostgreSQL for tests that restart or kill it; the others share one through <see cref="TestServers"/>.</summary>
internal sealed class TestPostgres : IAsyncDisposable
{
    private readonly LocalPostgres server;
    private readonly ServerHandle handle;

    private TestPostgres(LocalPostgres server, ServerHandle handle) => (this.server, this.handle) = (server, handle);

    /// <summary>May create databases.</summary>
    public string ConnectionString => server.ConnectionString;

    public static async Task<TestPostgres> StartAsync(string name = "postgres")
    {
        var folder = TestFolder.Create(name);
        var server = await LocalPostgres.PrepareAsync(
            new LocalPostgresOptions(Path.Combine(folder, "server"), FreePorts.Pick(), Secrets.Password(), Durable: false, MaxConnections: 1000),
            CancellationToken.None);
        var handle = new ServerHandle(server.Command(Path.Combine(folder, "postgres.log")), server.IsReadyAsync);
        await handle.StartAsync();
        TestFolder.AtEnd(handle.KillAsync);
        return new TestPostgres(server, handle);
    }

    /// <summary>Ends the server cleanly; every connection breaks.</summary>
    public Task StopAsync() => handle.StopAsync();

    /// <summary>As a crash does.</summary>
    public Task KillAsync() => handle.KillAsync();

    /// <summary>Same port, same data.</summary>
    public async Task StartAgainAsync()
    {
        await server.ClearStaleLockAsync(CancellationToken.None);
        await handle.StartAsync();
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAgainAsync();
    }

    public async ValueTask DisposeAsync() => await handle.KillAsync();
}
