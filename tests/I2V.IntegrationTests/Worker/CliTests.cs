using System.Text.Json;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>The command line as a process, as users and scripts see it.</summary>
public sealed class CliTests(OneWorker running) : IClassFixture<OneWorker>
{
    private readonly Stack stack = running.Stack;
    private readonly string folder = TestFolder.Create("cli");

    [Fact]
    public async Task Submit_and_watch_shows_progress_and_ends_with_the_films_path()
    {
        var photo = await Photos.PatternAsync();

        // Long enough that progress, told four times a second at most, cannot miss its making.
        var first = await RunAsync("submit", photo, "--prompt", "slow zoom in", "--frames", "64", "--width", "768", "--watch");
        Assert.True(first.ExitCode == ExitCode.Ok, first.Error);
        Assert.Equal(Path.Combine(folder, "photo.mp4"), LastLine(first.Output));
        Assert.Contains("decoding, step", first.Error, StringComparison.Ordinal);
        Assert.Contains("100% done", first.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', first.Output + first.Error);
        Assert.Equal(("h264", 64), await ProbeAsync(LastLine(first.Output)));

        // Nothing is overwritten unasked, and no part of a download stays.
        var second = await RunAsync("submit", photo, "--frames", "2", "-w");
        Assert.Equal(Path.Combine(folder, "photo-1.mp4"), LastLine(second.Output));
        Assert.Empty(Directory.GetFiles(folder, "*.part"));
    }

    [Fact]
    public async Task Json_is_one_object_a_line_and_the_last_one_is_the_result()
    {
        var output = Path.Combine(folder, "film.mp4");
        var run = await RunAsync("submit", await Photos.PatternAsync(), "--frames", "4", "-o", output, "--json");
        Assert.True(run.ExitCode == ExitCode.Ok, run.Error);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal("snapshot", lines[0].GetProperty("event").GetString());
        Assert.Contains(lines, line => line.GetProperty("event").GetString() == "job.succeeded");
        Assert.Equal("result", lines[^1].GetProperty("event").GetString());
        Assert.Equal(output, lines[^1].GetProperty("path").GetString());
        Assert.Equal("succeeded", lines[^1].GetProperty("data").GetProperty("status").GetString());
        Assert.Equal(("h264", 4), await ProbeAsync(output));
    }

    [Fact]
    public async Task A_job_can_be_submitted_listed_canceled_and_watched_to_its_end()
    {
        var submitted = await RunAsync("submit", await Photos.PatternAsync(), "--width", "1536", "--height", "1024", "--frames", "64");
        var id = LastLine(submitted.Output);
        Assert.True(JobId.TryParse(id, out _), submitted.Error);
        Assert.Contains($"./i2v watch {id}", submitted.Error, StringComparison.Ordinal);

        Assert.Contains(id, (await RunAsync("jobs", "--limit", "5")).Output, StringComparison.Ordinal);
        Assert.Contains((await RunAsync("cancel", id)).Output.Trim(), (string[])["canceled", "canceling"]);

        var watched = await RunAsync("watch", id);
        Assert.Equal(ExitCode.JobCanceled, watched.ExitCode);
        Assert.Equal("", watched.Output);
        Assert.Equal("canceled", (await RunAsync("cancel", id)).Output.Trim()); // saying it again changes nothing
    }

    [Fact]
    public async Task Interrupting_a_watch_leaves_the_job_and_says_how_to_go_on()
    {
        var job = await stack.SubmitAsync(await Photos.PatternAsync(), Photos.Slow with { Width = 2048, Height = 2048 });
        await stack.WaitForFramesAsync(job);
        var log = Path.Combine(folder, "watch.log");
        var watch = await ChildProcess.StartAsync(new ChildCommand
        {
            Name = "watch",
            FileName = Product.DotNet,
            Arguments = [Product.Program("I2V.Cli"), "watch", job.Id],
            Environment = Connection().ToDictionary(pair => pair.Key, pair => (string?)pair.Value),
            LogFile = log,
        });
        await Wait.UntilAsync(() => File.Exists(log) && File.ReadAllText(log).Contains("decoding", StringComparison.Ordinal), () => "The watch never showed progress.");

        watch.Signal(ChildSignal.Interrupt);
        Assert.Equal(ExitCode.Interrupted, await watch.Exited.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        var said = await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken);
        Assert.Contains($"./i2v watch {job.Id}", said, StringComparison.Ordinal);
        Assert.Contains($"./i2v cancel {job.Id}", said, StringComparison.Ordinal);
        Assert.Equal(JobStatus.Running, (await stack.Api.GetJobAsync(job.Id, TestContext.Current.CancellationToken)).Status);
        await stack.Api.CancelAsync(job.Id, TestContext.Current.CancellationToken);
        await stack.WaitForEndAsync(job);
    }

    [Fact]
    public async Task What_goes_wrong_has_its_exit_code_and_a_sentence()
    {
        var photo = await Photos.PatternAsync();
        var unknown = await RunAsync("watch", JobId.Format(Guid.CreateVersion7()));
        Assert.Equal(ExitCode.NotFound, unknown.ExitCode);

        var refused = await RunAsync("submit", photo, "--frames", "65");
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains("/input/num_frames", refused.Error, StringComparison.Ordinal);

        var wrongKey = Path.Combine(folder, "key");
        await File.WriteAllTextAsync(wrongKey, Secrets.ApiKey(), TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Unauthorized, (await RunAsync("jobs", "--api-key-file", wrongKey)).ExitCode);

        var late = await stack.SubmitAsync(photo, Photos.Slow);
        Assert.Equal(ExitCode.TimedOut, (await RunAsync("watch", late.Id, "--timeout", "0.5")).ExitCode);
        await RunAsync("cancel", late.Id);
        await stack.WaitForEndAsync(late);

        var nobody = await RunAsync("jobs", "--url", FormattableString.Invariant($"http://127.0.0.1:{FreePorts.Pick()}"));
        Assert.Equal(ExitCode.Failure, nobody.ExitCode);
        Assert.StartsWith("Nothing answers at http://127.0.0.1:", nobody.Error, StringComparison.Ordinal);
        Assert.All([unknown, refused, nobody], run => Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Render_makes_the_same_film_as_the_stack_without_it()
    {
        var photo = await Photos.PatternAsync();
        var job = await stack.WaitForEndAsync(await stack.SubmitAsync(photo, new JobSettings { Prompt = "pan left", NumFrames = 6, Seed = 11 }));
        var path = Path.Combine(folder, "render.mp4");
        var rendered = await ToolProcess.RunAsync(
            Product.DotNet,
            [Product.Program("I2V.Cli"), "render", photo, "--prompt", "pan left", "--frames", "6", "--seed", "11", "-o", path],
            TestContext.Current.CancellationToken,
            workingFolder: folder);
        Assert.True(rendered.ExitCode == ExitCode.Ok, rendered.Error);
        Assert.Equal(path, LastLine(rendered.Output));

        var (ours, theirs) = (await Film.OpenAsync(path), await Film.DownloadAsync(job));
        Assert.Equal(theirs.Frames.Count, ours.Frames.Count);
        Assert.All(ours.Frames.Zip(theirs.Frames), pair => Assert.Equal(pair.Second.Pixels, pair.First.Pixels));
    }

    [Fact]
    public async Task Jobs_lanes_and_workers_are_managed_from_the_command_line()
    {
        const string lane = "i2v.lane.motion";
        var photo = await Photos.PatternAsync();
        Assert.Equal("paused", await SayAsync("queues", "pause", lane));
        var first = LastLine((await RunAsync("submit", photo, "--frames", "2")).Output);
        var second = LastLine((await RunAsync("submit", photo, "--frames", "2")).Output);
        Assert.Contains("lane_paused", (await stack.Api.GetJobAsync(first, Ct)).Queue!.BlockedBy);
        Assert.Matches(@$"{lane}\s+paused\s+2", await SayAsync("queues"));

        Assert.Equal("held", await SayAsync("jobs", "hold", first));
        Assert.Equal("7", await SayAsync("jobs", "priority", second, "7"));
        Assert.Equal("open", await SayAsync("queues", "resume", lane));
        var made = await stack.WaitForEndAsync(await stack.Api.GetJobAsync(second, Ct));
        Assert.Equal((JobStatus.Succeeded, 7), (made.Status, made.Priority));
        var running = await RunAsync("jobs", "hold", second);
        Assert.Equal(ExitCode.Failure, running.ExitCode);
        Assert.StartsWith("The job is succeeded", running.Error, StringComparison.Ordinal);
        Assert.Equal(JobStatus.Held, (await stack.Api.GetJobAsync(first, Ct)).Status);

        // A worker that is to drain gets nothing, though a job is let go to it; then it gets it.
        var worker = Assert.Single((await stack.Api.ListWorkersAsync(Ct)).Data);
        Assert.Equal("draining", await SayAsync("workers", "drain", $"{worker.Id}"));
        Assert.Contains("draining", await SayAsync("workers"), StringComparison.Ordinal);
        Assert.Equal("queued", await SayAsync("jobs", "release", first));
        Assert.Contains((await stack.Api.GetJobAsync(first, Ct)).Queue!.BlockedBy, reason => reason.Contains("takes nothing more", StringComparison.Ordinal));
        Assert.Equal("canceled", await SayAsync("cancel", first)); // it waited, so that nobody has to stop it
        Assert.NotEqual("draining", await SayAsync("workers", "resume", $"{worker.Id}"));

        var again = await SayAsync("jobs", "retry", first);
        var retried = await stack.WaitForEndAsync(await stack.Api.GetJobAsync(again, Ct));
        Assert.Equal((JobStatus.Succeeded, first), (retried.Status, retried.RetryOf));
        var none = await RunAsync("jobs", "finalize", again);
        Assert.Equal(ExitCode.Usage, none.ExitCode);
        Assert.Contains("has no presets", none.Error, StringComparison.Ordinal);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>What it prints, without what goes wrong.</summary>
    private async Task<string> SayAsync(params string[] arguments)
    {
        var run = await RunAsync(arguments);
        Assert.True(run.ExitCode == ExitCode.Ok, run.Error);
        return run.Output.TrimEnd();
    }

    private static string LastLine(string output) => output.TrimEnd().Split('\n')[^1];

    private static async Task<(string Codec, int Frames)> ProbeAsync(string path)
    {
        var film = await Film.OpenAsync(path);
        return (film.Codec, film.FrameCount);
    }

    private Dictionary<string, string> Connection() => new() { ["I2V_URL"] = stack.Url, ["I2V_API_KEY"] = stack.ApiKey };

    private Task<ToolResult> RunAsync(params string[] arguments) => ToolProcess.RunAsync(
        Product.DotNet, [Product.Program("I2V.Cli"), .. arguments], TestContext.Current.CancellationToken, workingFolder: folder, environment: Connection());
}
