using System.Globalization;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>A private PostgreSQL: its own cluster in a folder, on loopback TCP with a password, without a socket in a shared place.</summary>
internal sealed class LocalPostgres
{
    public const string User = "i2v";

    private const string Database = "i2v";

    private readonly ServerAccount account = ServerAccount.For("postgres");
    private readonly LocalPostgresOptions options;
    private readonly string programs;

    private LocalPostgres(LocalPostgresOptions options, string programs) => (this.options, this.programs) = (options, programs);

    public int Port => options.Port;

    public string ConnectionString => ConnectionStringOf(Database);

    private string Cluster => ClusterIn(options.Folder);

    /// <summary>Folder of the newest installed PostgreSQL's programs, or null.</summary>
    public static string? FindPrograms()
    {
        const string debian = "/usr/lib/postgresql";
        var versions = Directory.Exists(debian) ? Directory.GetDirectories(debian) : [];
        return versions
            .OrderByDescending(folder => double.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var version) ? version : 0)
            .Select(folder => Path.Combine(folder, "bin"))
            .Append(Path.GetDirectoryName(ToolProcess.Find("initdb")) ?? "")
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));
    }

    /// <summary>False before the first start.</summary>
    public static bool HasCluster(string folder) => File.Exists(Path.Combine(ClusterIn(folder), "PG_VERSION"));

    /// <summary>Makes the cluster on first use. Safe to repeat after any interruption.</summary>
    public static async Task<LocalPostgres> PrepareAsync(LocalPostgresOptions options, CancellationToken ct)
    {
        var programs = FindPrograms()
            ?? throw new CliException("PostgreSQL is not installed; `apt-get install postgresql` (as root) installs it.");
        var postgres = new LocalPostgres(options, programs);
        await postgres.account.OwnAsync(options.Folder, ct);
        if (!HasCluster(options.Folder))
        {
            await postgres.CreateClusterAsync(ct);
        }

        await postgres.EnsureSameVersionAsync(ct);
        return postgres;
    }

    public string ConnectionStringOf(string database) =>
        string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={options.Port};Username={User};Password={options.Password};Database={database}");

    public ChildCommand Command(string logFile) => new()
    {
        Name = "PostgreSQL",
        FileName = Path.Combine(programs, "postgres"),
        Arguments = ["-D", Cluster, .. Settings().SelectMany(setting => (string[])["-c", setting])],
        ClearedPrefixes = ["PG", "LC_", "LANG"],
        LogFile = logFile,
        RunAs = account.RunAs,
        // Fast shutdown: open connections are ended, the cluster is left clean.
        StopSignal = ChildSignal.Interrupt,
        StopTimeout = TimeSpan.FromSeconds(20),
    };

    /// <summary>Removes the lock file of a server that was killed, when its process number now belongs to somebody else.</summary>
    public async Task ClearStaleLockAsync(CancellationToken ct)
    {
        var file = Path.Combine(Cluster, "postmaster.pid");
        if (!File.Exists(file))
        {
            return;
        }

        var pid = (await File.ReadAllLinesAsync(file, ct)).FirstOrDefault() ?? "";
        var commandLine = $"/proc/{pid}/cmdline";
        if (!File.Exists(commandLine) || !(await File.ReadAllTextAsync(commandLine, ct)).Contains(Cluster, StringComparison.Ordinal))
        {
            File.Delete(file);
        }
    }

    /// <summary>True when the server takes connections; a server that still recovers says so and is not ready.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken ct)
    {
        var answer = await ToolProcess.RunAsync(
            Path.Combine(programs, "pg_isready"),
            ["-q", "-h", "127.0.0.1", "-p", options.Port.ToString(CultureInfo.InvariantCulture), "-t", "2"],
            ct);
        return answer.ExitCode == 0;
    }

    private static string ClusterIn(string folder) => Path.Combine(folder, "cluster");

    private IEnumerable<string> Settings()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"port={options.Port}");
        yield return "listen_addresses=127.0.0.1";
        yield return "unix_socket_directories=";
        yield return string.Create(CultureInfo.InvariantCulture, $"max_connections={options.MaxConnections}");
        yield return "shared_buffers=64MB";
        yield return "log_timezone=UTC";
        yield return "timezone=UTC";
        if (!options.Durable)
        {
            yield return "fsync=off";
            yield return "full_page_writes=off";
            yield return "autovacuum=off"; // such a server lives for minutes, and its visits would look like a gateway's statements
        }
    }

    // In a folder of its own that is renamed at the end, so that an interrupted first start leaves nothing half-made in place.
    private async Task CreateClusterAsync(CancellationToken ct)
    {
        var fresh = Path.Combine(options.Folder, "cluster.new");
        if (Directory.Exists(fresh))
        {
            Directory.Delete(fresh, recursive: true);
        }

        var passwordFile = Path.Combine(options.Folder, "password");
        await PrivateFile.WriteAsync(passwordFile, options.Password, ct);
        await account.OwnAsync(options.Folder, ct);
        try
        {
            var initdb = await account.RunAsync(
                Path.Combine(programs, "initdb"),
                [
                    "-D", fresh, "--username", User, "--pwfile", passwordFile, "--encoding", "UTF8", "--locale", "C",
                    "--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256", .. options.Durable ? (string[])[] : ["--no-sync"],
                ],
                ct);
            initdb.ThrowIfFailed();
            var create = await account.RunAsync(
                Path.Combine(programs, "postgres"),
                ["--single", "-D", fresh, "-c", "unix_socket_directories=", "postgres"],
                ct,
                input: $"CREATE DATABASE {Database};\n");
            create.ThrowIfFailed();
        }
        finally
        {
            File.Delete(passwordFile);
        }

        Directory.Move(fresh, Cluster);
    }

    private async Task EnsureSameVersionAsync(CancellationToken ct)
    {
        var made = (await File.ReadAllTextAsync(Path.Combine(Cluster, "PG_VERSION"), ct)).Trim();
        var installed = (await ToolProcess.RunAsync(Path.Combine(programs, "postgres"), ["--version"], ct)).Output.Split(' ')[2].Trim();
        if (installed.Split('.')[0] != made)
        {
            throw new CliException(
                $"The data in {options.Folder} was made by PostgreSQL {made} and {installed} is installed: " +
                $"install PostgreSQL {made}, or start afresh with `i2v down --purge`.");
        }
    }
}

/// <param name="Folder">Holds the cluster; made on first use.</param>
/// <param name="Durable">False only for tests: gives up safety against power loss for speed.</param>
internal sealed record LocalPostgresOptions(string Folder, int Port, string Password, bool Durable = true, int MaxConnections = 200);
