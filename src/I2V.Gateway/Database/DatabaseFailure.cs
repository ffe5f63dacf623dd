using Npgsql;

namespace I2V.Gateway.Database;

internal static class DatabaseFailure
{
    /// <summary>True for what a database that restarts or is out of connections makes of a call: a background loop tries again later.</summary>
    public static bool IsPassing(Exception error) => error is NpgsqlException or TimeoutException or IOException or InvalidOperationException;
}
