using System.Net.Sockets;
using I2V.Gateway.Access;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace I2V.Gateway.Database;

/// <summary>
/// Migrates before anything else starts. Gateways that start together wait for each other on an advisory lock, so that one
/// migrates and the others find it done.
/// </summary>
internal sealed partial class DatabaseStartup(
    IConfiguration configuration, BootstrapKeys bootstrapKeys, TimeProvider clock, ILogger<DatabaseStartup> log) : IHostedService
{
    private const long MigrationLock = 0x6932765F6D696772; // "i2v_migr"
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public bool IsMigrated { get; private set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await using var connection = DatabaseExtensions.CreateUnlimitedConnection(
            configuration.GetConnectionString(DatabaseExtensions.ConnectionStringName)!);
        await OpenAsync(connection, cancellationToken);

        await using (var take = new NpgsqlCommand($"select pg_advisory_lock({MigrationLock})", connection))
        {
            await take.ExecuteNonQueryAsync(cancellationToken);
        }

        // The lock ends with the connection.
        await MigrateAsync(connection, cancellationToken);
        await bootstrapKeys.EnsureAsync(connection, cancellationToken);
        IsMigrated = true;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static async Task MigrateAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        // Migrations are hand-written SQL, so that there is no model snapshot to compare with.
        var options = new DbContextOptionsBuilder<JobsDb>()
            .UseNpgsql(connection)
            .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning))
            .Options;
        await using var db = new JobsDb(options);
        await db.Database.MigrateAsync(ct);
    }

    /// <summary>Postgres may start after us.</summary>
    private async Task OpenAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var start = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await connection.OpenAsync(ct);
                return;
            }
            catch (NpgsqlException error) when (IsNotThereYet(error) && clock.GetElapsedTime(start) < Patience)
            {
                LogWaiting(error.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(250), clock, ct);
            }
        }
    }

    private static bool IsNotThereYet(NpgsqlException error) =>
        error.InnerException is SocketException or IOException or TimeoutException
        || error.SqlState is PostgresErrorCodes.CannotConnectNow;

    [LoggerMessage(5001, LogLevel.Information, "PostgreSQL does not answer yet, trying again: {Reason}")]
    private partial void LogWaiting(string reason);
}
