using System.Net;
using System.Net.Http.Json;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>A broker for the tests that stop it.</summary>
public sealed class BrokerOfOnesOwn : IAsyncLifetime
{
    internal TestRabbitMq Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await TestRabbitMq.StartAsync("worker-broker");

    public async ValueTask DisposeAsync() => await Server.DisposeAsync();
}

public sealed class BrokerFaultTests(BrokerOfOnesOwn owned) : IClassFixture<BrokerOfOnesOwn>
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(20);

    private readonly TestRabbitMq broker = owned.Server;

    [Fact]
    public async Task Fifty_submits_over_twenty_seconds_without_a_broker_are_all_taken_and_all_finish()
    {
        await using var stack = await Stack.StartAsync(broker.Url);
        var worker = await stack.StartWorkerAsync();
        var photo = await Photos.PatternAsync();
        await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Photos.Tiny));

        await broker.StopAsync();
        var jobs = await SubmitEvenlyAsync(stack, photo, count: 50);
        Assert.False(await broker.IsReadyAsync());
        await stack.WaitForEndAsync(jobs[0]); // idle workers ask by themselves
        await broker.StartAgainAsync();

        foreach (var job in jobs)
        {
            var ended = await stack.WaitForEndAsync(job);
            Assert.Equal((JobStatus.Succeeded, 1), (ended.Status, ended.Attempt!.Number));
        }

        Assert.Equal(51, await stack.ScalarAsync<long>("select count(*) from jobs"));
        Assert.True(worker.IsAlive);
    }

    [Fact]
    public async Task Tickets_outlive_an_outage_and_reach_the_worker_that_reconnects()
    {
        await using var stack = await Stack.StartAsync(broker.Url);
        var worker = await stack.StartWorkerAsync(idlePoll: TimeSpan.FromMinutes(10)); // nothing but a ticket tells it of a job
        var photo = await Photos.PatternAsync();
        await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Photos.Tiny));

        await broker.StopAsync();
        var waiting = await stack.SubmitAsync(photo, Photos.Tiny);
        Assert.Equal(JobStatus.Queued, waiting.Status);
        await broker.StartAgainAsync();

        Assert.Equal(JobStatus.Succeeded, (await stack.WaitForEndAsync(waiting)).Status);
        Assert.Equal(JobStatus.Succeeded, (await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Photos.Tiny))).Status);
        await Wait.UntilAsync(
            async () => await stack.ScalarAsync<long>("select count(*) from outbox") == 0, () => "Tickets stayed in the outbox with the broker back.");
        Assert.True(worker.IsAlive);
    }

    /// <summary>The first right away and the last at the end of the outage, each exactly once.</summary>
    private static async Task<IReadOnlyList<JobObject>> SubmitEvenlyAsync(Stack stack, string photo, int count)
    {
        var ct = TestContext.Current.CancellationToken;
        var began = TimeProvider.System.GetTimestamp();
        var jobs = new List<JobObject>();
        for (var i = 0; i < count; i++)
        {
            var early = (Outage * i / (count - 1)) - TimeProvider.System.GetElapsedTime(began);
            if (early > TimeSpan.Zero)
            {
                await Task.Delay(early, ct);
            }

            using var answer = await Stack.PostJobAsync(stack.Http, photo, Photos.Tiny with { Seed = i });
            Assert.True(answer.StatusCode == HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync(ct));
            jobs.Add((await answer.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!);
        }

        return jobs;
    }
}
