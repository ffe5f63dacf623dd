using System.Globalization;
using I2V.Cli.Up;
using Npgsql;

namespace I2V.Benchmarks;

/// <summary>The product as <c>i2v up</c> starts it, durable settings included, in a folder that is removed at the end.</summary>
internal sealed class BenchmarkStack : IAsyncDisposable
{
    private readonly DataFolder data;
    private readonly Supervisor supervisor;

    private BenchmarkStack(DataFolder data, Supervisor supervisor, StackSettings settings, string connectionString, string url)
    {
        this.data = data;
        this.supervisor = supervisor;
        Settings = settings;
        Url = url;
        Database = NpgsqlDataSource.Create(connectionString + ";Maximum Pool Size=64");
        BrokerUrl = LocalRabbitMq.UrlOf(settings.RabbitMq(data.RabbitMq));
    }

    public StackSettings Settings { get; }

    public string Url { get; }

    public NpgsqlDataSource Database { get; }

    public string BrokerUrl { get; }

    public static async Task<BenchmarkStack> StartAsync(string folder, CancellationToken ct)
    {
        var steps = new Steps(Console.Error, TimeProvider.System);
        var data = new DataFolder(folder);
        data.Create();
        var supervisor = new Supervisor(steps, TimeProvider.System);
        var port = FreePorts.Pick();
        await new StackStart(new UpOptions { Data = folder }, data, supervisor, steps, TimeProvider.System).RunAsync(port, ct);
        var settings = await StackSettings.ReadAsync(data.SettingsFile, ct);
        var postgres = await LocalPostgres.PrepareAsync(settings.Postgres(data.Postgres), ct);
        return new BenchmarkStack(data, supervisor, settings, postgres.ConnectionString, FormattableString.Invariant($"http://127.0.0.1:{port}"));
    }

    /// <summary>Process numbers of our own children by what they are.</summary>
    public static IReadOnlyDictionary<string, int> Processes()
    {
        string[] names = ["I2V.Gateway", "I2V.Worker", "postgres", "beam"];
        var found = new Dictionary<string, int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid)
                && ParentOf(pid) == Environment.ProcessId
                && CommandLineOf(pid) is { } commandLine
                && names.FirstOrDefault(name => commandLine.Contains(name, StringComparison.Ordinal)) is { } name)
            {
                found[name] = pid;
            }
        }

        return found;
    }

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        await supervisor.StopAsync(StackServices.StopOrder);
        await supervisor.DisposeAsync();
        Directory.Delete(data.Root, recursive: true);
    }

    private static int ParentOf(int pid) => ReadOrNull(pid, "stat") is { } stat
        ? int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture)
        : 0;

    private static string? CommandLineOf(int pid) => ReadOrNull(pid, "cmdline")?.Replace('\0', ' ');

    // A process may end between being listed and being read.
    private static string? ReadOrNull(int pid, string file)
    {
        try
        {
            return File.ReadAllText(FormattableString.Invariant($"/proc/{pid}/{file}"));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
