using System.Globalization;
using System.Net;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;

namespace I2V.IntegrationTests.Up;

/// <summary>Whole lives of a stack, told as stories: a start costs seconds, so each is used for all that it can show.</summary>
public sealed class UpLifeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stack_makes_films_stops_without_a_trace_and_goes_on_with_its_data()
    {
        var data = Path.Combine(TestFolder.Create("up"), "data");
        await using var bystander = await TestRabbitMq.StartAsync("bystander");
        var port = FreePorts.Pick().ToString(CultureInfo.InvariantCulture);
        string job;
        IReadOnlyList<ProcessEntry> ours;
        string firstAddress;
        await using (var up = await UpProcess.UpAsync(data, "--port", port))
        {
            // 1. A film, from the file that scripts read.
            using var client = up.Client();
            firstAddress = client.BaseAddress!.ToString();
            job = await Film.SubmitAsync(client);
            Assert.True(Film.IsMp4(await Film.DownloadAsync(client, job)));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(data, "client.json")));

            // 2. A second one with the same data is refused.
            var (code, said) = await UpProcess.RunAsync("up", "--no-install", "--data", data);
            Assert.Equal(1, code);
            Assert.Contains($"already runs with the data in {data} (process {up.Pid})", said, StringComparison.Ordinal);

            // 3. Ctrl+C ends everything that it started, and nothing else.
            ours = ProcessTree.DescendantsOf(up.Pid);
            Assert.All((string[])["I2V.Gateway", "I2V.Worker", "postgres", "beam", "epmd"], name => Assert.Contains(ours, entry => entry.Command.Contains(name, StringComparison.Ordinal)));
            up.Signal(ChildSignal.Interrupt);
            Assert.Equal(0, await up.EndsAsync());
            await up.SaysAsync("stopped in");
            Assert.DoesNotContain("was killed", up.Output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(ours, ProcessTree.Lives);
        Assert.True(await bystander.IsReadyAsync());

        // 4. The next one knows the job.
        await using var again = await UpProcess.UpAsync(data, "--port", port);
        using var sameClient = again.Client();
        Assert.Equal(firstAddress, sameClient.BaseAddress!.ToString());
        Assert.True(Film.IsMp4(await Film.DownloadAsync(sameClient, job)));

        // 5. `down --purge` from elsewhere stops it and removes the folder.
        var (purged, words) = await UpProcess.RunAsync("down", "--purge", "--data", data);
        Assert.Equal(0, purged);
        Assert.Contains("Stopped.", words, StringComparison.Ordinal);
        Assert.Equal(0, await again.EndsAsync());
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task What_dies_starts_again_on_its_port_until_too_much_dies()
    {
        var data = Path.Combine(TestFolder.Create("up"), "data");

        IReadOnlyList<ProcessEntry> orphans;
        await using (var killed = await UpProcess.UpAsync(data))
        {
            // 1. The only worker is killed, and the name service that the broker has: both come back and a job is done.
            await KillAsync(killed, "I2V.Worker", "worker 1 was killed by signal 9; it starts again in 1 s");
            await KillAsync(killed, "epmd -address", @"epmd was killed by signal 9; it starts again on port \d+ in 1 s");
            using var owner = killed.Client();
            Assert.True(Film.IsMp4(await Film.DownloadAsync(owner, await Film.SubmitAsync(owner))));
            await ThereAsync(killed, "epmd -address");

            // 2. `up` itself is killed: nothing of it survives, and the next one cleans up after it.
            orphans = ProcessTree.DescendantsOf(killed.Pid);
            killed.Signal(ChildSignal.Kill);
            await killed.Exited;
        }

        await GoneAsync(orphans);
        await using var up = await UpProcess.UpAsync(data, "--workers", "2");
        using var client = up.Client();

        // 3. Each of the others is killed and comes back where it was.
        await KillAsync(up, "postgres -D", @"PostgreSQL was killed by signal 9; it starts again on port \d+ in 1 s");
        await KillAsync(up, "beam", @"RabbitMQ was killed by signal 9; it starts again on port \d+ in 1 s");
        await KillAsync(up, "I2V.Gateway", $"gateway was killed by signal 9; it starts again on port {client.BaseAddress!.Port} in 1 s");
        await AnswersAsync(client);
        Assert.True(Film.IsMp4(await Film.DownloadAsync(client, await Film.SubmitAsync(client))));
        Assert.Equal(2, ProcessTree.DescendantsOf(up.Pid).Count(entry => entry.Command.Contains("I2V.Worker.dll", StringComparison.Ordinal)));

        // 4. Deaths that go on end it, with the reason and the end of the log.
        IReadOnlyList<ProcessEntry> ours = [];
        for (var deaths = 0; !up.Exited.IsCompleted; deaths++)
        {
            Assert.True(deaths < DeathCount.Limit, up.Output);
            if (await NextGatewayAsync(up) is { } gateway)
            {
                ours = ProcessTree.DescendantsOf(up.Pid);
                ChildProcess.Send(gateway.Pid, ChildSignal.Kill);
                await GoneAsync([gateway]);
            }
        }

        Assert.Equal(1, await up.Exited);
        await up.SaysAsync(@"gateway was killed by signal 9: that is 5 deaths within a minute, so `up` ends\.");
        Assert.Contains("The end of " + Path.Combine(data, "logs", "gateway.log"), up.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(ours, ProcessTree.Lives);
    }

    /// <summary>Waits until a child with this command line runs.</summary>
    private static async Task ThereAsync(UpProcess up, string command)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (!ProcessTree.DescendantsOf(up.Pid).Any(entry => entry.State != 'Z' && entry.Command.Contains(command, StringComparison.Ordinal)))
        {
            Assert.False(patience.IsCancellationRequested, $"No {command} runs. {up.Output}");
            await Task.WhenAny(Task.Delay(TimeSpan.FromMilliseconds(50), Ct));
        }
    }

    private static async Task KillAsync(UpProcess up, string command, string sentence)
    {
        var port = command == "postgres -D" ? "postgres_port" : null;
        ChildProcess.Send(up.Child(command).Pid, ChildSignal.Kill);
        var said = await up.SaysAsync(sentence);
        if (port is not null)
        {
            var kept = File.ReadAllText(Path.Combine(up.Data, "stack.json"));
            var where = System.Text.RegularExpressions.Regex.Match(said.Value, @"port (\d+)").Groups[1].Value;
            Assert.Contains($"\"{port}\": {where}", kept, StringComparison.Ordinal);
        }
    }

    private static async Task AnswersAsync(HttpClient client)
    {
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync("/v1/jobs", Ct);
                if (answer.StatusCode == HttpStatusCode.OK)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Not there yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), Ct);
        }
    }

    /// <summary>The gateway that runs now or next; null when `up` has ended.</summary>
    private static async Task<ProcessEntry?> NextGatewayAsync(UpProcess up)
    {
        while (!up.Exited.IsCompleted)
        {
            if (ProcessTree.DescendantsOf(up.Pid).FirstOrDefault(entry => entry.State != 'Z' && entry.Command.Contains("I2V.Gateway.dll", StringComparison.Ordinal)) is { } gateway)
            {
                return gateway;
            }

            await Task.WhenAny(up.Exited, Task.Delay(TimeSpan.FromMilliseconds(50), Ct));
        }

        return null;
    }

    private static async Task GoneAsync(IReadOnlyList<ProcessEntry> entries)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (entries.Where(ProcessTree.Lives).ToList() is { Count: > 0 } left)
        {
            Assert.False(patience.IsCancellationRequested, "These still live: " + string.Join(", ", left.Select(entry => entry.Pid.ToString(CultureInfo.InvariantCulture) + " " + entry.Command)));
            await Task.WhenAny(Task.Delay(TimeSpan.FromMilliseconds(50), Ct));
        }
    }
}
