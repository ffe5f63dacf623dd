using System.Globalization;
using System.Text;
using Npgsql;

namespace I2V.Benchmarks;

/// <summary>A Markdown table of one run, with what is needed to judge it.</summary>
internal sealed class Report
{
    private readonly StringBuilder text = new("| what | measured |\n|---|---|\n");

    public void Add(string what, string measured) => text.Append(CultureInfo.InvariantCulture, $"| {what} | {measured} |\n");

    /// <summary>Durability settings and the machine: a figure without them says nothing.</summary>
    public async Task AddSettingsAsync(NpgsqlDataSource database)
    {
        foreach (var setting in (string[])["server_version", "fsync", "synchronous_commit"])
        {
            await using var command = database.CreateCommand("select current_setting($1)");
            command.Parameters.AddWithValue(setting);
            Add("PostgreSQL " + setting, (string)(await command.ExecuteScalarAsync())!);
        }

        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        Add("processor", string.Create(CultureInfo.InvariantCulture, $"{processor ?? "unknown"}, {Environment.ProcessorCount} cores"));
        Add("load average", File.ReadAllText("/proc/loadavg").Trim());
    }

    public void Write(string? file)
    {
        Console.Write(text);
        if (file is not null)
        {
            File.WriteAllText(file, text.ToString());
        }
    }
}
