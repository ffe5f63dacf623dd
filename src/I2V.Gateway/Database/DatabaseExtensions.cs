using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace I2V.Gateway.Database;

internal static class DatabaseExtensions
{
    public const string ConnectionStringName = "Jobs";

    /// <summary>Adds the pool, the read context and the migration at start. Call it first: hosted services start in this order.</summary>
    public static WebApplicationBuilder AddDatabase(this WebApplicationBuilder builder)
    {
        var connectionString = builder.Configuration.GetConnectionString(ConnectionStringName);
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new InvalidOperationException(
                "ConnectionStrings:Jobs is not set. Set the environment variable ConnectionStrings__Jobs to a PostgreSQL connection string, such as Host=db;Username=i2v;Password=…;Database=i2v.");
        }

        builder.Services.AddSingleton(_ => CreateDataSource(connectionString));
        builder.Services.AddDbContextPool<JobsDb>((services, db) => Use(db, services.GetRequiredService<NpgsqlDataSource>()));
        builder.Services.AddSingleton<DatabaseStartup>();
        builder.Services.AddHostedService(services => services.GetRequiredService<DatabaseStartup>());
        return builder;
    }

    /// <summary>The pool with limits that keep a stuck statement from holding anything for long.</summary>
    public static NpgsqlDataSource CreateDataSource(string connectionString)
    {
        var settings = Normalise(connectionString);
        settings.Options = "-c statement_timeout=10s -c lock_timeout=2s -c idle_in_transaction_session_timeout=30s";
        // Nothing here changes a session, so that cleaning it at every return would be one more statement for nothing.
        settings.NoResetOnClose = true;
        if (settings.MaxAutoPrepare == 0)
        {
            settings.MaxAutoPrepare = 100;
        }

        return new NpgsqlDataSourceBuilder(settings.ConnectionString).Build();
    }

    /// <summary>A connection outside the pool and without time limits, for migrations.</summary>
    public static NpgsqlConnection CreateUnlimitedConnection(string connectionString)
    {
        var settings = Normalise(connectionString);
        settings.Pooling = false;
        settings.CommandTimeout = 0;
        return new NpgsqlConnection(settings.ConnectionString);
    }

    public static void Use(DbContextOptionsBuilder db, NpgsqlDataSource source) =>
        db.UseNpgsql(source, o => o.SetPostgresVersion(15, 0)).UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking);

    private static NpgsqlConnectionStringBuilder Normalise(string connectionString) => new(connectionString)
    {
        // Else every connect looks for a Kerberos library first.
        GssEncryptionMode = GssEncryptionMode.Disable,
        Timezone = "UTC",
        ApplicationName = "i2v-gateway",
    };
}
