using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;

namespace I2V.IntegrationTests.Up;

/// <summary>The real command in a process of its own, as a user starts it.</summary>
internal sealed class UpProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);
    private static readonly Dictionary<string, string?> NoVariables = [];
    private static int runs;

    private readonly ChildProcess process;
    private readonly string output;

    private UpProcess(ChildProcess process, string data, string output) => (this.process, Data, this.output) = (process, data, output);

    public string Data { get; }

    public int Pid => process.Pid;

    public Task<int> Exited => process.Exited;

    public string Output => File.Exists(output) ? File.ReadAllText(output) : "";

    /// <summary>Runs any command line to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        await using var run = await StartAsync(arguments, data: "", NoVariables);
        var code = await run.Exited.WaitAsync(Patience);
        return (code, run.Output);
    }

    /// <summary>Starts <c>up</c> and returns at once.</summary>
    public static Task<UpProcess> StartUpAsync(string data, params string[] more) => StartUpAsync(NoVariables, data, more);

    /// <summary>The same with more environment variables.</summary>
    public static Task<UpProcess> StartUpAsync(IReadOnlyDictionary<string, string?> variables, string data, params string[] more) =>
        StartAsync(["up", "--no-install", "--data", data, .. PortOf(more), .. more], data, variables);

    /// <summary>Starts <c>up</c> and returns when it says that it is ready.</summary>
    public static async Task<UpProcess> UpAsync(string data, params string[] more)
    {
        var up = await StartUpAsync(data, more);
        await up.SaysAsync("Ready after");
        return up;
    }

    /// <summary>Waits until the output holds <paramref name="pattern"/> more than <paramref name="times"/> times.</summary>
    public async Task<Match> SaysAsync(string pattern, int times = 0)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            // Asked first, so that its last words are read after it has ended.
            var ended = Exited.IsCompleted;
            var matches = Regex.Matches(Output, pattern);
            if (matches.Count > times)
            {
                return matches[times];
            }

            if (ended || patience.IsCancellationRequested)
            {
                Assert.Fail($"`up` {(ended ? "ended" : "did not get so far")} without saying \"{pattern}\" {times + 1} times. It said:\n{Output}\n{Logs()}");
            }

            await Task.WhenAny(Task.Delay(BetweenLooks, TestContext.Current.CancellationToken), Exited);
        }
    }

    public void Signal(ChildSignal signal) => process.Signal(signal);

    /// <summary>Its exit code, however busy the machine is; what it said when it does not end at all.</summary>
    public async Task<int> EndsAsync()
    {
        try
        {
            return await Exited.WaitAsync(Patience, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"`up` did not end. It said:\n{Output}\n{Logs()}");
            throw;
        }
    }

    /// <summary>The one descendant whose command line holds <paramref name="command"/>.</summary>
    public ProcessEntry Child(string command) =>
        Assert.Single(ProcessTree.DescendantsOf(Pid), entry => entry.Command.Contains(command, StringComparison.Ordinal) && !IsPartOfAnother(entry, command));

    /// <summary>Talks to the gateway with what <c>client.json</c> says.</summary>
    public HttpClient Client()
    {
        using var settings = JsonDocument.Parse(File.ReadAllText(Path.Combine(Data, "client.json")));
        var client = new HttpClient(new Telling(this))
        {
            BaseAddress = new Uri(settings.RootElement.GetProperty("url").GetString()!),
            Timeout = TimeSpan.FromSeconds(60),
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", settings.RootElement.GetProperty("api_key").GetString());
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        process.Signal(ChildSignal.Kill);
        await process.Exited;
    }

    private static async Task<UpProcess> StartAsync(IReadOnlyList<string> arguments, string data, IReadOnlyDictionary<string, string?> variables)
    {
        var output = Path.Combine(TestFolder.Create("output"), string.Create(CultureInfo.InvariantCulture, $"up-{Interlocked.Increment(ref runs)}.txt"));
        var process = await ChildProcess.StartAsync(new ChildCommand
        {
            Name = "i2v",
            FileName = Product.DotNet,
            Arguments = [Product.Program("I2V.Cli"), .. arguments],
            Environment = variables,
            LogFile = output,
        });
        return new UpProcess(process, data, output);
    }

    // Stacks of several test classes start at the same time, and two that choose the default port at once get in each other's way.
    private static string[] PortOf(string[] more) =>
        more.Contains("--port") ? [] : ["--port", FreePorts.Pick().ToString(CultureInfo.InvariantCulture)];

    // A postmaster's children carry its command line until they rename themselves.
    private bool IsPartOfAnother(ProcessEntry entry, string command) =>
        ProcessTree.DescendantsOf(Pid).Any(other => other.Pid == entry.Parent && other.Command.Contains(command, StringComparison.Ordinal));

    private string Logs() => Data.Length == 0 || !Directory.Exists(Data)
        ? ""
        : string.Concat(Directory.GetFiles(Path.Combine(Data, "logs"), "*.log").Select(LogTail.Of));

    /// <summary>A call that nobody answers fails with what the stack said and logged.</summary>
    private sealed class Telling(UpProcess up) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (HttpRequestException error)
            {
                throw new HttpRequestException($"{error.Message} `up` said:\n{up.Output}\n{up.Logs()}", error);
            }
        }
    }
}
