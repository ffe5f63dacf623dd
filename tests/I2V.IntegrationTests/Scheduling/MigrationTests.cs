using I2V.Gateway.Database;
using I2V.IntegrationTests.Servers;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace I2V.IntegrationTests.Scheduling;

public sealed class MigrationTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateways_that_start_at_once_migrate_once()
    {
        var connectionString = await TestServers.NewDatabaseAsync();
        var startups = Enumerable.Range(0, 4).Select(_ => SchedulingLab.NewStartup(connectionString)).ToList();

        await Task.WhenAll(startups.Select(startup => startup.StartAsync(Ct)));

        Assert.All(startups, startup => Assert.True(startup.IsMigrated));
        await using var database = NpgsqlDataSource.Create(connectionString);
        var migrations = (long)typeof(JobsDb).Assembly.GetTypes().Count(type => type.IsDefined(typeof(MigrationAttribute), inherit: false));
        await using var count = database.CreateCommand("""select count(*) from "__EFMigrationsHistory" """);
        Assert.Equal(migrations, await count.ExecuteScalarAsync(Ct));
        await using var tenants = database.CreateCommand("select count(*) from tenants where name = 'default'");
        Assert.Equal(1L, await tenants.ExecuteScalarAsync(Ct));
    }

    [Fact]
    public async Task A_gateway_waits_for_a_database_that_starts_later()
    {
        await using var postgres = await TestPostgres.StartAsync();
        var connectionString = await TestServers.NewDatabaseAsync(postgres.ConnectionString);
        await postgres.StopAsync();
        var startup = SchedulingLab.NewStartup(connectionString);

        var starting = startup.StartAsync(Ct);
        Assert.False(starting.IsCompleted);
        await postgres.StartAgainAsync();
        await starting;

        Assert.True(startup.IsMigrated);
    }
}
