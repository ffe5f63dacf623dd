using System.Globalization;
using Npgsql;

namespace I2V.Benchmarks;

/// <summary>What a process burns and what a database answers while nothing happens.</summary>
internal static class IdleCost
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(15);

    /// <summary>Share of one core, 0 … 1 per core, that each process used over the time.</summary>
    public static async Task<(IReadOnlyDictionary<string, double> Cpu, double TransactionsPerSecond)> MeasureAsync(
        IReadOnlyDictionary<string, int> processes, NpgsqlDataSource database, TimeSpan time, TimeProvider clock)
    {
        // Backends report their counts to pg_stat_database late: let the load before go by.
        database.Clear();
        await Task.Delay(Settling, clock);

        var before = processes.ToDictionary(p => p.Key, p => CpuSeconds(p.Value));
        var transactionsBefore = await TransactionsAsync(database);
        var start = clock.GetTimestamp();

        await Task.Delay(time, clock);

        var seconds = clock.GetElapsedTime(start).TotalSeconds;
        var cpu = processes.ToDictionary(p => p.Key, p => (CpuSeconds(p.Value) - before[p.Key]) / seconds);

        // Our own first count is in the second one.
        var transactions = (await TransactionsAsync(database) - transactionsBefore - 1) / seconds;
        return (cpu, transactions);
    }

    private static async Task<long> TransactionsAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand(
            "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static double CpuSeconds(int pid)
    {
        // Fields 14 and 15 of proc_pid_stat(5), counted after the name, which may hold spaces; 100 ticks a second on Linux.
        var stat = File.ReadAllText(FormattableString.Invariant($"/proc/{pid}/stat"));
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0;
    }
}
