using System.Globalization;
using System.Net.Sockets;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>
/// A private RabbitMQ on loopback, with an <c>epmd</c> of its own: the name service of Erlang that a broker would
/// otherwise start for the whole machine and leave behind.
/// </summary>
internal sealed class LocalRabbitMq
{
    public const string User = "i2v";

    // Above the longest job; a broker that times a consumer out can leave it silently stopped.
    private const int ConsumerTimeoutMilliseconds = 7_200_000;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly ServerAccount account = ServerAccount.For("rabbitmq");
    private readonly LocalRabbitMqOptions options;
    private readonly string server;

    private LocalRabbitMq(LocalRabbitMqOptions options, string server) => (this.options, this.server) = (options, server);

    public int Port => options.Port;

    public int NameServicePort => options.NameServicePort;

    /// <summary>With the password.</summary>
    public string Url => UrlOf(options);

    public static string UrlOf(LocalRabbitMqOptions options) =>
        string.Create(CultureInfo.InvariantCulture, $"amqp://{User}:{options.Password}@127.0.0.1:{options.Port}/");

    /// <summary>The broker's start script itself; Debian's wrapper in <c>/usr/sbin</c> changes user and folders.</summary>
    public static string? FindServer() =>
        ((string?[])["/usr/lib/rabbitmq/bin/rabbitmq-server", ToolProcess.Find("rabbitmq-server")]).FirstOrDefault(File.Exists);

    public static async Task<LocalRabbitMq> PrepareAsync(LocalRabbitMqOptions options, CancellationToken ct)
    {
        var server = FindServer();
        if (server is null || ToolProcess.Find("epmd") is null)
        {
            throw new CliException("RabbitMQ is not installed; `apt-get install rabbitmq-server` (as root) installs it.");
        }

        var rabbit = new LocalRabbitMq(options, server);
        await rabbit.WriteConfigurationAsync(ct);
        await rabbit.account.OwnAsync(options.Folder, ct);
        return rabbit;
    }

    /// <summary>Must run before the broker starts.</summary>
    public ChildCommand NameServiceCommand(string logFile) => new()
    {
        Name = "epmd",
        FileName = ToolProcess.Find("epmd")!,
        Arguments = ["-address", "127.0.0.1", "-port", Text(options.NameServicePort)],
        ClearedPrefixes = ["ERL_"],
        LogFile = logFile,
        RunAs = account.RunAs,
        StopTimeout = TimeSpan.FromSeconds(3),
    };

    public ChildCommand Command(string logFile) => new()
    {
        Name = "RabbitMQ",
        FileName = server,
        ClearedPrefixes = ["RABBITMQ_", "ERL_"],
        Environment = Environment(),
        LogFile = logFile,
        RunAs = account.RunAs,
        StopTimeout = TimeSpan.FromSeconds(20),
    };

    /// <summary>True when <c>epmd</c> takes connections.</summary>
    public async Task<bool> IsNameServiceReadyAsync(CancellationToken ct)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", options.NameServicePort, ct);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>True when the broker answers a client's greeting, which it does once it has finished starting.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(TimeSpan.FromSeconds(2));
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", options.Port, patience.Token);
            await client.GetStream().WriteAsync("AMQP\0\0\x09\x01"u8.ToArray(), patience.Token);
            var first = new byte[1];
            await client.GetStream().ReadExactlyAsync(first, patience.Token);
            const byte methodFrame = 1;
            return first[0] == methodFrame;
        }
        catch (Exception error) when (error is SocketException or IOException || (error is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }

    private async Task WriteConfigurationAsync(CancellationToken ct)
    {
        Directory.CreateDirectory(options.Folder);
        await PrivateFile.WriteAsync(Path.Combine(options.Folder, "rabbitmq.conf"), $"""
            listeners.tcp.1 = 127.0.0.1:{options.Port}
            default_user = {User}
            default_pass = {options.Password}
            loopback_users.{User} = true
            consumer_timeout = {ConsumerTimeoutMilliseconds}
            heartbeat = 30
            disk_free_limit.absolute = 64MB

            """, ct);
        await PrivateFile.WriteAsync(Path.Combine(options.Folder, "enabled_plugins"), "[].\n", ct);
        await PrivateFile.WriteAsync(Path.Combine(options.Folder, "env.conf"), "# Keeps the machine's own settings out.\n", ct);
        var cookie = Path.Combine(options.Folder, ".erlang.cookie");
        if (!File.Exists(cookie))
        {
            await PrivateFile.WriteAsync(cookie, Secrets.Password(), ct);
        }

        File.SetUnixFileMode(cookie, OwnerOnly);
    }

    private Dictionary<string, string?> Environment()
    {
        string At(string name) => Path.Combine(options.Folder, name);
        return new Dictionary<string, string?>
        {
            ["HOME"] = options.Folder,
            ["LANG"] = "C.UTF-8",
            ["LC_ALL"] = "C.UTF-8",
            ["NOTIFY_SOCKET"] = null,
            // The script then becomes the broker instead of waiting for it, so that signals and the death signal reach it.
            ["RUNNING_UNDER_SYSTEMD"] = "true",
            ["ERL_EPMD_PORT"] = Text(options.NameServicePort),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODENAME"] = "i2v@localhost",
            ["RABBITMQ_NODE_PORT"] = Text(options.Port),
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_DIST_PORT"] = Text(options.DistributionPort),
            ["RABBITMQ_CONF_ENV_FILE"] = At("env.conf"),
            ["RABBITMQ_CONFIG_FILE"] = At("rabbitmq.conf"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = At("enabled_plugins"),
            ["RABBITMQ_MNESIA_BASE"] = At("data"),
            ["RABBITMQ_LOG_BASE"] = At("log"),
            ["RABBITMQ_LOGS"] = "-",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
        };
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <param name="Folder">Holds configuration and data; made on first use.</param>
/// <param name="Port">For AMQP.</param>
/// <param name="DistributionPort">Erlang's own port between nodes; there is only one node, but it listens.</param>
/// <param name="NameServicePort">For <c>epmd</c>.</param>
internal sealed record LocalRabbitMqOptions(string Folder, int Port, int DistributionPort, int NameServicePort, string Password);
