using System.Net;
using System.Net.Http.Json;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

public sealed class GatewayFaultTests
{
    [Fact]
    public async Task A_gateway_killed_between_commit_and_answer_gives_the_same_job_to_the_retry()
    {
        await using var stack = await Stack.StartAsync();
        var worker = await stack.StartWorkerAsync();
        await using var network = TcpProxy.Start(stack.Port);
        using var client = Stack.NewClient(Stack.LoopbackUrl(network.Port), stack.ApiKey);
        var photo = await Photos.PatternAsync();

        _ = network.HoldAnswers();
        var unanswered = Stack.PostJobAsync(client, photo, Photos.Quick, "said-twice");
        await Wait.UntilAsync(async () => await stack.ScalarAsync<long>("select count(*) from jobs") > 0, () => "The job was never committed.");
        await stack.KillGatewayAsync();
        await network.CutAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => unanswered);

        network.PassAnswers();
        await stack.StartGatewayAgainAsync();
        using var answer = await Stack.PostJobAsync(client, photo, Photos.Quick, "said-twice");
        var job = (await answer.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, TestContext.Current.CancellationToken))!;

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal("true", Assert.Single(answer.Headers.GetValues("Idempotent-Replayed")));
        Assert.Equal(job.Id, JobId.Format(await stack.ScalarAsync<Guid>("select id from jobs")));
        Assert.Equal(1, await stack.ScalarAsync<long>("select count(*) from jobs"));
        Assert.Equal(1, await stack.ScalarAsync<long>("select count(*) from job_events where type = 'job.queued'"));
        Assert.Single(Directory.EnumerateFiles(stack.Objects, "input.png", SearchOption.AllDirectories));

        // The worker met the same death, and finishes the job all the same.
        var ended = await stack.WaitForEndAsync(job);
        Assert.True(ended.Status == JobStatus.Succeeded, ended.Error?.Message);
        Assert.True(worker.IsAlive);
    }
}
