using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using I2V.Cli.Client;
using I2V.Cli.Install;
using I2V.Cli.Jobs;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.ModelBuilder;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using Npgsql;

namespace I2V.IntegrationTests.Worker;

/// <summary>A gateway process with a database and objects of its own, and as many worker processes as a test starts.</summary>
internal sealed class Stack : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> OnnxRuntimeFolder = new(FindOnnxRuntimeAsync);

    private readonly string folder = TestFolder.Create("stack");
    private readonly string workerKey = Secrets.ApiKey();
    private readonly List<WorkerHandle> workers = [];
    private readonly ServerHandle gateway;
    private readonly string busUrl;
    private readonly NpgsqlDataSource database;
    private int starts;

    private Stack(string busUrl, string database)
    {
        this.busUrl = busUrl;
        this.database = NpgsqlDataSource.Create(database);
        ApiKey = Secrets.ApiKey();
        Port = FreePorts.Pick();
        Http = NewClient(Url, ApiKey);
        Api = ApiClient.Connect(new ClientSettings(new Uri(Url + "/"), ApiKey));
        gateway = new ServerHandle(GatewayCommand(database), IsReadyAsync);
    }

    /// <summary>The gateway's, whenever it is started.</summary>
    public int Port { get; }

    public string Url => LoopbackUrl(Port);

    public string ApiKey { get; }

    public HttpClient Http { get; }

    public ApiClient Api { get; }

    public string Objects => Path.Combine(folder, "objects");

    public string Scratch => Path.Combine(folder, "scratch");

    /// <summary>Files that attempts have left; empty unless one runs.</summary>
    public IReadOnlyList<string> ScratchFiles =>
        Directory.Exists(Scratch) ? [.. Directory.EnumerateFileSystemEntries(Scratch, "*", SearchOption.AllDirectories).Where(path => path.Contains("job_", StringComparison.Ordinal))] : [];

    public static async Task<Stack> StartAsync(string? busUrl = null)
    {
        var stack = new Stack(busUrl ?? await TestServers.BrokerUrlAsync(), await TestServers.NewDatabaseAsync());
        TestFolder.AtEnd(async () => await stack.DisposeAsync());
        await stack.gateway.StartAsync();
        return stack;
    }

    public static string LoopbackUrl(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    /// <summary>One that repeats nothing by itself.</summary>
    public static HttpClient NewClient(string url, string key)
    {
        var client = new HttpClient { BaseAddress = new Uri(url + "/") };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>One that speaks the worker protocol.</summary>
    public HttpClient NewWorkerClient() => NewClient(Url, workerKey);

    /// <summary>As a crash does.</summary>
    public Task KillGatewayAsync() => gateway.KillAsync();

    /// <summary>Same port, same data.</summary>
    public Task StartGatewayAgainAsync() => gateway.StartAsync();

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Returns when the worker has registered.</summary>
    /// <param name="index">Of its device.</param>
    /// <param name="idlePoll">How long it waits for a ticket.</param>
    /// <param name="package">The one package that it serves; null for motion.</param>
    public async Task<WorkerHandle> StartWorkerAsync(int index = 0, TimeSpan? idlePoll = null, string? package = null, string? memoryLimit = null)
    {
        var packages = package ?? MotionPackage.Ensure(Path.Combine(folder, "models"));
        var command = new ChildCommand
        {
            Name = FormattableString.Invariant($"worker {index}"),
            FileName = Product.DotNet,
            Arguments = [Product.Program("I2V.Worker")],
            Environment = new Dictionary<string, string?>
            {
                ["I2V_ONNXRUNTIME_DIR"] = await OnnxRuntimeFolder.Value,
                ["Bus__Url"] = busUrl,
                ["Worker__GatewayUrl"] = Url,
                ["Worker__Key"] = workerKey,
                ["Worker__Packages"] = packages,
                ["Worker__DeviceIndex"] = index.ToString(CultureInfo.InvariantCulture),
                ["Worker__Scratch"] = Scratch,
                ["Worker__State"] = Path.Combine(folder, "state"),
                ["Worker__MemoryLimit"] = memoryLimit,
                ["Worker__DrainTimeout"] = "00:00:00", // a stopping worker gives its job back at once
                ["Worker__IdlePoll"] = (idlePoll ?? TimeSpan.FromSeconds(2)).ToString("c", CultureInfo.InvariantCulture),
            },
            LogFile = Path.Combine(folder, FormattableString.Invariant($"worker-{index}-{++starts}.log")),
            StopTimeout = TimeSpan.FromSeconds(30),
        };
        var worker = new WorkerHandle(FormattableString.Invariant($"{Environment.MachineName}/cpu-{index}"), command.LogFile, await ChildProcess.StartAsync(command));
        workers.Add(worker);
        await worker.WaitForLogAsync("Registered as");
        return worker;
    }

    /// <summary>Submits once: whoever calls sees the very answer.</summary>
    public static async Task<HttpResponseMessage> PostJobAsync(HttpClient client, string photo, JobSettings settings, string? idempotencyKey = null, string? model = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/jobs");
        request.Content = new SubmitForm(new FileInfo(photo), settings, model, Priority: null).Build();
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public Task<JobObject> SubmitAsync(string photo, JobSettings? settings = null, string? model = null) => Api.SubmitAsync(
        new SubmitForm(new FileInfo(photo), settings ?? Photos.Quick, model, Priority: null).Build,
        Guid.NewGuid().ToString("N"),
        _ => { },
        TestContext.Current.CancellationToken);

    /// <summary>Follows the job's events to its end.</summary>
    public Task<JobObject> WaitForEndAsync(JobObject job) =>
        new JobWatcher(Api, job.Id, _ => { }).WaitForEndAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2));

    /// <summary>Returns when a worker has made some frames of the job.</summary>
    public Task<JobObject> WaitForFramesAsync(JobObject job) =>
        WaitAsync(job, now => now.Status == JobStatus.Running && now.Progress is { Phase: JobPhase.Decoding, Step: >= 2 });

    public async Task<JobObject> WaitAsync(JobObject job, Func<JobObject, bool> until)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        while (true)
        {
            var now = await Api.GetJobAsync(job.Id, patience.Token);
            if (until(now))
            {
                return now;
            }

            Assert.False(now.Status.IsTerminal(), $"The job ended as {now.Status} ({now.Error?.Message}) before that happened.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), patience.Token);
        }
    }

    public async Task<IReadOnlyList<JobAttempt>> AttemptsAsync(JobObject job)
    {
        using var response = await Http.GetAsync(new Uri($"v1/jobs/{job.Id}/attempts", UriKind.Relative), TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JobAttemptList>(I2VJson.Options, TestContext.Current.CancellationToken))!.Data;
    }

    /// <summary>Scratch folders are removed just after the gateway has heard the end.</summary>
    public Task WaitForEmptyScratchAsync() => Wait.UntilAsync(() => ScratchFiles.Count == 0, () => "left in scratch: " + string.Join(", ", ScratchFiles));

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in workers)
        {
            await worker.KillAsync();
        }

        await gateway.KillAsync();
        await database.DisposeAsync();
        Api.Dispose();
        Http.Dispose();
    }

    private static async Task<string> FindOnnxRuntimeAsync()
    {
        var installer = OnnxRuntimeInstaller.ForCheckout(new Steps(TextWriter.Null, TimeProvider.System));
        return (await installer.EnsureAsync(gpu: false, install: true, TestContext.Current.CancellationToken)).Folder;
    }

    private ChildCommand GatewayCommand(string database) => new()
    {
        Name = "gateway",
        FileName = Product.DotNet,
        Arguments = [Product.Program("I2V.Gateway")],
        Environment = new Dictionary<string, string?>
        {
            ["ASPNETCORE_URLS"] = Url,
            ["ConnectionStrings__Jobs"] = database,
            ["Bus__Url"] = busUrl,
            ["Access__Pepper"] = Secrets.SigningKey(),
            ["Access__BootstrapApiKey"] = ApiKey,
            ["Access__BootstrapWorkerKey"] = workerKey,
            ["Storage__SigningKey"] = Secrets.SigningKey(),
            ["Storage__Kind"] = "folder",
            ["Storage__Folder__Path"] = Objects,
            // Shorter than in production, so that tests of lost workers take seconds.
            ["Scheduling__LeaseSeconds"] = "9",
            ["Scheduling__SweepSeconds"] = "0.5",
            ["Scheduling__CrashBackoffSeconds"] = "0.2",
            ["Scheduling__FailureBackoffSeconds"] = "0.2",
        },
        WorkingFolder = folder,
        LogFile = Path.Combine(folder, "gateway.log"),
    };

    private async Task<bool> IsReadyAsync(CancellationToken ct)
    {
        try
        {
            using var response = await Http.GetAsync(new Uri("health/live", UriKind.Relative), ct);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
