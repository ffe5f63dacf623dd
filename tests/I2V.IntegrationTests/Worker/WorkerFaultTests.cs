using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

public sealed class WorkerFaultTests
{
    [Fact]
    public async Task A_worker_killed_mid_job_loses_nothing_and_another_one_finishes()
    {
        await using var stack = await Stack.StartAsync();
        var victim = await stack.StartWorkerAsync(0);
        var job = await stack.SubmitAsync(await Photos.PatternAsync(), Photos.Slow with { NumFrames = 24 });
        await stack.WaitForFramesAsync(job);
        await victim.KillAsync();

        var heir = await stack.StartWorkerAsync(1);
        var ended = await stack.WaitForEndAsync(job);

        Assert.True(ended.Status == JobStatus.Succeeded, ended.Error?.Message);
        var attempts = await stack.AttemptsAsync(job);
        Assert.Equal([victim.Name, heir.Name], attempts.Select(attempt => attempt.Worker));
        Assert.Equal(["lost", "succeeded"], attempts.Select(attempt => attempt.Outcome));
        Assert.Single(Directory.EnumerateFiles(stack.Objects, "video.mp4", SearchOption.AllDirectories));
        Assert.Equal(24, (await Film.DownloadAsync(ended)).FrameCount);

        // What the killed one left is swept when its device has a worker again.
        Assert.NotEmpty(stack.ScratchFiles);
        await stack.StartWorkerAsync(0);
        await stack.WaitForEmptyScratchAsync();
    }

    [Fact]
    public async Task A_worker_that_comes_back_takes_over_its_device_and_its_job_at_once()
    {
        await using var stack = await Stack.StartAsync();
        var first = await stack.StartWorkerAsync();
        var job = await stack.SubmitAsync(await Photos.PatternAsync(), Photos.Slow with { NumFrames = 16 });
        await stack.WaitForFramesAsync(job);
        await first.KillAsync();

        await stack.StartWorkerAsync();
        Assert.Equal(JobStatus.Succeeded, (await stack.WaitForEndAsync(job)).Status);
        Assert.Equal(2, (await stack.AttemptsAsync(job)).Count);
        await stack.WaitForEmptyScratchAsync();
    }

    [Fact]
    public async Task A_worker_frozen_past_its_lease_says_nothing_more_and_works_on()
    {
        await using var stack = await Stack.StartAsync();
        var zombie = await stack.StartWorkerAsync(0);
        var job = await stack.SubmitAsync(await Photos.PatternAsync(), Photos.Slow with { NumFrames = 16 });
        await stack.WaitForFramesAsync(job);
        zombie.Stall();

        var heir = await stack.StartWorkerAsync(1);
        var ended = await stack.WaitForEndAsync(job);
        Assert.Equal(JobStatus.Succeeded, ended.Status);
        await heir.StopAsync();
        zombie.GoOn();

        await zombie.WaitForLogAsync("this attempt stops");
        await zombie.WaitForLogAsync("Lost after");
        await stack.WaitForEmptyScratchAsync();
        var still = await stack.Api.GetJobAsync(job.Id, TestContext.Current.CancellationToken);
        Assert.Equal((ended.Status, ended.CompletedAt, ended.Output!.Video!.Sha256), (still.Status, still.CompletedAt, still.Output!.Video!.Sha256));
        Assert.Single(Directory.EnumerateFiles(stack.Objects, "video.mp4", SearchOption.AllDirectories));
        Assert.Equal(JobStatus.Succeeded, (await stack.WaitForEndAsync(await stack.SubmitAsync(await Photos.PatternAsync()))).Status);
        Assert.True(zombie.IsAlive);
    }

    [Fact]
    public async Task A_stopping_worker_gives_its_job_back_and_says_goodbye()
    {
        await using var stack = await Stack.StartAsync();
        var leaving = await stack.StartWorkerAsync(0);
        var job = await stack.SubmitAsync(await Photos.PatternAsync(), Photos.Slow with { NumFrames = 24 });
        await stack.WaitForFramesAsync(job);

        Assert.True(await leaving.StopAsync(), "The worker had to be killed.");
        Assert.Equal(0, await leaving.Process.Exited);
        var heir = await stack.StartWorkerAsync(1);
        Assert.Equal(JobStatus.Succeeded, (await stack.WaitForEndAsync(job)).Status);
        var attempts = await stack.AttemptsAsync(job);
        Assert.Equal([(leaving.Name, "released"), (heir.Name, "succeeded")], attempts.Select(attempt => (attempt.Worker, attempt.Outcome!)));
        await stack.WaitForEmptyScratchAsync();
    }

    [Fact]
    public async Task A_worker_with_bad_options_says_so_and_ends()
    {
        var log = Path.Combine(TestFolder.Create("worker"), "worker.log");
        var process = await ChildProcess.StartAsync(new ChildCommand
        {
            Name = "worker",
            FileName = Product.DotNet,
            Arguments = [Product.Program("I2V.Worker")],
            Environment = new Dictionary<string, string?> { ["Worker__Key"] = "secret", ["Bus__Url"] = "amqp://127.0.0.1:1" },
            LogFile = log,
        });
        Assert.Equal(78, await process.Exited.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        var said = await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken);
        Assert.Contains("Worker:GatewayUrl is missing", said, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
    }
}
