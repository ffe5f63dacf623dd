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
    private int starts;

    private Stack(string busUrl, string database)
    {
        this.busUrl = busUrl;
        ApiKey = Secrets.ApiKey();
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePorts.Pick()}");
        Http = new HttpClient { BaseAddress = new Uri(Url + "/") };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiKey);
        Api = ApiClient.Connect(new ClientSettings(new Uri(Url + "/"), ApiKey));
        gateway = new ServerHandle(GatewayCommand(database), IsReadyAsync);
    }

    public string Url { get; }

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

    /// <summary>Returns when the worker has registered.</summary>
    public async Task<WorkerHandle> StartWorkerAsync(int index = 0)
    {
        var packages = Path.Combine(folder, "models");
        MotionPackage.Ensure(packages);
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
                ["Worker__DrainTimeout"] = "00:00:01",
                ["Worker__IdlePoll"] = "00:00:02",
            },
            LogFile = Path.Combine(folder, FormattableString.Invariant($"worker-{index}-{++starts}.log")),
            StopTimeout = TimeSpan.FromSeconds(30),
        };
        var worker = new WorkerHandle(FormattableString.Invariant($"{Environment.MachineName}/cpu-{index}"), command.LogFile, await ChildProcess.StartAsync(command));
        workers.Add(worker);
        await worker.WaitForLogAsync("Registered as");
        return worker;
    }

    public Task<JobObject> SubmitAsync(string photo, JobSettings? settings = null) => Api.SubmitAsync(
        new SubmitForm(new FileInfo(photo), settings ?? Photos.Quick, Model: null, Priority: null).Build,
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

/// <summary>One worker process.</summary>
/// <param name="Name">As the gateway shows it.</param>
internal sealed record WorkerHandle(string Name, string LogFile, ChildProcess Process)
{
    private const ChildSignal Freeze = (ChildSignal)19;
    private const ChildSignal Thaw = (ChildSignal)18;

    public bool IsAlive => !Process.Exited.IsCompleted;

    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    /// <exception cref="InvalidOperationException">The process ended without saying it; the message is its log.</exception>
    public Task WaitForLogAsync(string text) => Wait.UntilAsync(() => HasSaid(text), () => $"\"{text}\" never appeared in the worker's log: {Log}");

    public async Task KillAsync()
    {
        Process.Signal(ChildSignal.Kill);
        await Process.Exited;
    }

    public Task<bool> StopAsync() => Process.StopAsync();

    public void Stall() => Process.Signal(Freeze);

    public void GoOn() => Process.Signal(Thaw);

    private bool HasSaid(string text)
    {
        var ended = !IsAlive;
        return Log.Contains(text, StringComparison.Ordinal) || (ended ? throw new InvalidOperationException(Log) : false);
    }
}

internal static class Wait
{
    /// <summary>Looks every 50 ms, for a minute at most.</summary>
    public static async Task UntilAsync(Func<bool> condition, Func<string> complaint)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (!condition())
        {
            if (patience.IsCancellationRequested)
            {
                Assert.Fail(complaint());
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
    }
}
