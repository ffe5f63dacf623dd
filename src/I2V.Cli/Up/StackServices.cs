using System.Globalization;

namespace I2V.Cli.Up;

/// <summary>The processes of a stack, in the words of the supervisor.</summary>
internal sealed class StackServices(UpOptions options, DataFolder data, StackSettings settings, int port)
{
    /// <summary>Who uses others stops first.</summary>
    public static IReadOnlyList<Func<Service, bool>> StopOrder { get; } =
    [
        service => service.Name.StartsWith("worker", StringComparison.Ordinal),
        service => service.Name == "gateway",
        service => service.Name == "RabbitMQ",
        service => service.Name == "epmd",
        service => service.Name == "PostgreSQL",
    ];

    public string Url { get; } = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    public static Service Postgres(LocalPostgres postgres, DataFolder data) => new()
    {
        Command = postgres.Command(Log(data, "postgres")),
        BeforeStart = postgres.ClearStaleLockAsync,
        IsReady = postgres.IsReadyAsync,
        Where = At(postgres.Port),
    };

    public static Service NameService(LocalRabbitMq rabbit, DataFolder data) => new()
    {
        Command = rabbit.NameServiceCommand(Log(data, "epmd")),
        IsReady = rabbit.IsNameServiceReadyAsync,
        Where = At(rabbit.NameServicePort),
    };

    public static Service RabbitMq(LocalRabbitMq rabbit, DataFolder data) => new()
    {
        Command = rabbit.Command(Log(data, "rabbitmq")),
        IsReady = rabbit.IsReadyAsync,
        Where = At(rabbit.Port),
    };

    public Service Gateway(string connectionString, string busUrl, GatewayProbe probe) => new()
    {
        Command = new ChildCommand
        {
            Name = "gateway",
            FileName = Product.DotNet,
            Arguments = [Product.Program("I2V.Gateway")],
            ClearedPrefixes = ["ASPNETCORE_", "ConnectionStrings__", "Bus__", "Storage__", "Access__"],
            Environment = GatewayEnvironment(connectionString, busUrl),
            WorkingFolder = data.Root,
            LogFile = Log(data, "gateway"),
            StopTimeout = TimeSpan.FromSeconds(15),
        },
        IsReady = probe.IsAliveAsync,
        Where = At(port),
    };

    /// <param name="number">From 1.</param>
    public Service Worker(int number, string busUrl, WorkerEngine engine, GatewayProbe probe) => new()
    {
        Command = new ChildCommand
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"worker {number}"),
            FileName = Product.DotNet,
            Arguments = [Product.Program("I2V.Worker")],
            ClearedPrefixes = ["Bus__", "Worker__Models__"],
            Environment = WorkerEnvironment(number, busUrl, engine),
            WorkingFolder = data.Root,
            LogFile = Log(data, string.Create(CultureInfo.InvariantCulture, $"worker-{number}")),
            StopTimeout = TimeSpan.FromSeconds(20),
        },
        IsReady = probe.HasNewWorkerAsync,
        // Large models are loaded before a worker registers.
        Patience = TimeSpan.FromMinutes(10),
    };

    private Dictionary<string, string?> GatewayEnvironment(string connectionString, string busUrl)
    {
        var environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = Url,
            // A line for every heartbeat would fill the disk of a stack that runs for weeks.
            ["Logging__LogLevel__Microsoft.AspNetCore"] = "Warning",
            ["ConnectionStrings__Jobs"] = connectionString,
            ["Bus__Url"] = busUrl,
            ["Access__Pepper"] = settings.Pepper,
            ["Access__BootstrapApiKey"] = settings.ApiKey,
            ["Access__BootstrapWorkerKey"] = settings.WorkerKey,
            ["Storage__SigningKey"] = settings.SigningKey,
            ["Storage__Kind"] = options.S3 is null ? "folder" : "s3",
        };
        if (options.S3 is null)
        {
            environment["Storage__Folder__Path"] = data.Objects;
            return environment;
        }

        environment["Storage__S3__Endpoint"] = options.S3.Endpoint;
        environment["Storage__S3__PublicEndpoint"] = options.S3.PublicEndpoint;
        environment["Storage__S3__Bucket"] = options.S3.Bucket;
        environment["Storage__S3__AccessKey"] = options.S3.AccessKey;
        environment["Storage__S3__SecretKey"] = options.S3.SecretKey;
        environment["Storage__S3__Region"] = options.S3.Region;
        return environment;
    }

    private Dictionary<string, string?> WorkerEnvironment(int number, string busUrl, WorkerEngine engine) =>
        new(options.Models.Select((folder, i) => KeyValuePair.Create(string.Create(CultureInfo.InvariantCulture, $"Worker__Models__{i}"), (string?)folder)))
        {
            ["I2V_ONNXRUNTIME_DIR"] = engine.OnnxRuntimeFolder,
            ["I2V_S3_SECRET_KEY"] = null,
            ["Bus__Url"] = busUrl,
            ["Worker__GatewayUrl"] = Url,
            ["Worker__Key"] = settings.WorkerKey,
            ["Worker__Packages"] = data.Models,
            ["Worker__Provider"] = engine.Provider,
            ["Worker__Gpu"] = options.Gpus.Count > 0 ? options.Gpus[number - 1] : null,
            ["Worker__DeviceIndex"] = (options.Gpus.Count > 0 ? 0 : number - 1).ToString(CultureInfo.InvariantCulture),
            ["Worker__Scratch"] = data.Scratch,
            ["Worker__State"] = data.WorkerState,
            ["Worker__Threads"] = Threads(engine).ToString(CultureInfo.InvariantCulture),
            // Below the time after which the supervisor kills.
            ["Worker__DrainTimeout"] = "00:00:05",
        };

    // Several workers on one processor share its cores; one alone lets the runtime choose.
    private int Threads(WorkerEngine engine) =>
        engine.Provider == "cpu" && options.Workers > 1 ? Math.Max(1, Environment.ProcessorCount / options.Workers) : 0;

    private static string At(int port) => string.Create(CultureInfo.InvariantCulture, $"on port {port}");

    private static string Log(DataFolder data, string name) => Path.Combine(data.Logs, name + ".log");
}

/// <param name="OnnxRuntimeFolder">Holds the native library.</param>
/// <param name="Provider"><c>cpu</c>, <c>cuda</c> or <c>webgpu</c>.</param>
internal sealed record WorkerEngine(string OnnxRuntimeFolder, string Provider);
