using System.Net.Sockets;
using Npgsql;

namespace I2V.IntegrationTests.Servers;

public sealed class TestServersTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_tests_get_two_empty_databases()
    {
        var first = await TestServers.NewDatabaseAsync();
        var second = await TestServers.NewDatabaseAsync();

        await ExecuteAsync(first, "CREATE TABLE mine (id int)");

        var missing = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(second, "SELECT * FROM mine"));
        Assert.Equal(PostgresErrorCodes.UndefinedTable, missing.SqlState);
    }

    [Fact]
    public async Task A_killed_database_starts_again_with_its_data()
    {
        await using var postgres = await TestPostgres.StartAsync();
        var database = await TestServers.NewDatabaseAsync(postgres.ConnectionString);
        await ExecuteAsync(database, "CREATE TABLE kept (id int)");

        await postgres.KillAsync();
        await postgres.StartAgainAsync();

        await ExecuteAsync(database, "SELECT * FROM kept");
    }

    [Fact]
    public async Task A_stopped_broker_refuses_connections_and_starts_again_on_its_port()
    {
        await using var rabbit = await TestRabbitMq.StartAsync();
        var url = new Uri(rabbit.Url);

        await rabbit.StopAsync();
        using var refused = new TcpClient();
        await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(url.Host, url.Port, Ct).AsTask());

        await rabbit.StartAgainAsync();
        using var accepted = new TcpClient();
        await accepted.ConnectAsync(url.Host, url.Port, Ct);
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false });
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Ct);
    }
}
