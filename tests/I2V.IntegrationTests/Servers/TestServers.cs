using System.Globalization;
using Npgsql;

namespace I2V.IntegrationTests.Servers;

/// <summary>
/// The servers that tests run against: from the environment (<c>I2V_TEST_POSTGRES</c>: a connection string that may
/// create databases; <c>I2V_TEST_RABBITMQ</c>: an amqp URL), else private ones, started once per test process on first
/// use, which end with it however it ends.
/// </summary>
internal static class TestServers
{
    private static readonly Lazy<Task<TestPostgres>> SharedPostgres = new(() => TestPostgres.StartAsync("postgres"));
    private static readonly Lazy<Task<TestRabbitMq>> SharedRabbitMq = new(() => TestRabbitMq.StartAsync("rabbitmq"));
    private static int databases;

    /// <summary>Connection string of an empty database that no other test uses.</summary>
    public static async Task<string> NewDatabaseAsync()
    {
        var admin = Environment.GetEnvironmentVariable("I2V_TEST_POSTGRES") is { Length: > 0 } given
            ? given
            : (await SharedPostgres.Value).ConnectionString;
        return await NewDatabaseAsync(admin);
    }

    /// <summary>The same on a server of the test's own.</summary>
    public static async Task<string> NewDatabaseAsync(string admin)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Environment.ProcessId}_{Interlocked.Increment(ref databases)}");
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(admin) { Pooling = false });
        await using var drop = source.CreateCommand($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        await drop.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var create = source.CreateCommand($"CREATE DATABASE {name}");
        await create.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return new NpgsqlConnectionStringBuilder(admin) { Database = name }.ConnectionString;
    }

    /// <summary>amqp URL of a broker that tests share; queues of other tests are on it too.</summary>
    public static async Task<string> BrokerUrlAsync() =>
        Environment.GetEnvironmentVariable("I2V_TEST_RABBITMQ") is { Length: > 0 } given ? given : (await SharedRabbitMq.Value).Url;
}
