using System.Net;
using System.Text;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Tests.Worker;

namespace I2V.Tests.Cli;

public sealed class JobWatcherTests
{
    private readonly ManualTimeProvider time = new();
    private readonly List<WatchedEvent> told = [];

    [Fact]
    public async Task A_stream_that_breaks_is_taken_up_after_the_last_event()
    {
        var streams = new Queue<HttpResponseMessage>(
        [
            Stream(("snapshot", null, JobSamples.Job(JobStatus.Running)), ("job.started", "1", JobSamples.Event(JobStatus.Running)), ("job.progress", "2", Progress(3))),
            Stream(("snapshot", null, JobSamples.Job(JobStatus.Running)), ("job.progress", "3", Progress(9)), ("job.succeeded", "4", JobSamples.Event(JobStatus.Succeeded))),
        ]);
        var status = JobStatus.Running;
        var server = new FakeServer(request => IsEvents(request) ? Next(streams, () => status = JobStatus.Succeeded) : FakeServer.Json(JobSamples.Job(status)));
        var watching = Watch(server);

        Assert.Null((await server.NextAsync()).Header("Last-Event-ID"));
        await server.NextAsync(); // the job, asked for because the stream ended
        await time.TimerSetAsync(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("2", (await server.NextAsync()).Header("Last-Event-ID"));

        Assert.Equal(JobStatus.Succeeded, (await watching).Status);
        Assert.Equal([3, 9], told.Where(e => e.Type == JobEventTypes.Progress).Select(e => e.Data.Deserialize<JobEventData>(I2VJson.Options)!.Progress!.Step!.Value));
    }

    [Fact]
    public async Task Without_streams_the_job_is_asked_for()
    {
        var asked = 0;
        var server = new FakeServer(request => IsEvents(request)
            ? Stream() // a proxy that swallows what flows
            : FakeServer.Json(JobSamples.Job(++asked < 3 ? JobStatus.Running : JobStatus.Failed)));
        var watching = Watch(server);
        foreach (var pause in (int[])[1, 2])
        {
            await time.TimerSetAsync(TimeSpan.FromSeconds(pause));
            time.Advance(TimeSpan.FromSeconds(pause));
        }

        Assert.Equal(JobStatus.Failed, (await watching).Status);
    }

    [Fact]
    public async Task A_gateway_that_stays_away_ends_the_watching_and_says_how_to_go_on()
    {
        var server = new FakeServer(_ => throw new HttpRequestException("connection refused"));
        var watching = Watch(server);
        foreach (var pause in Enumerable.Repeat(5, 25).Prepend(4).Prepend(2).Prepend(1))
        {
            if (time.Now > TimeSpan.FromMinutes(2))
            {
                break;
            }

            await time.TimerSetAsync(TimeSpan.FromSeconds(pause));
            time.Advance(TimeSpan.FromSeconds(pause));
        }

        var error = await Assert.ThrowsAsync<CliException>(() => watching);
        Assert.Contains($"./i2v watch {JobSamples.Id}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_job_ends_the_watching_at_once()
    {
        var server = new FakeServer(_ => new HttpResponseMessage(HttpStatusCode.NotFound));
        var error = await Assert.ThrowsAsync<ApiException>(() => Watch(server));
        Assert.Equal(ExitCode.NotFound, error.ExitCode);
    }

    private static bool IsEvents(HttpRequestMessage request) => request.RequestUri!.AbsolutePath.EndsWith("/events", StringComparison.Ordinal);

    private static JobEventData Progress(int step) => JobSamples.Event(JobStatus.Running, new JobProgress { Phase = JobPhase.Decoding, Step = step, TotalSteps = 16 });

    private static HttpResponseMessage Next(Queue<HttpResponseMessage> streams, Action last)
    {
        var next = streams.Dequeue();
        if (streams.Count == 0)
        {
            last();
        }

        return next;
    }

    private static HttpResponseMessage Stream(params (string Type, string? Id, object Data)[] events)
    {
        var text = new StringBuilder(events.Length > 0 ? "retry: 3000\n\nevent: ping\ndata: {}\n\n" : "");
        foreach (var (type, id, data) in events)
        {
            text.Append("event: ").Append(type).Append('\n');
            text.Append(id is null ? "" : $"id: {id}\n");
            text.Append("data: ").Append(JsonSerializer.Serialize(data, I2VJson.Options)).Append("\n\n");
        }

        return new HttpResponseMessage { Content = new StringContent(text.ToString(), Encoding.UTF8, "text/event-stream") };
    }

    private Task<JobObject> Watch(FakeServer server) =>
        new JobWatcher(new ApiClient(server.Client(), time), JobSamples.Id, told.Add).WaitForEndAsync(TestContext.Current.CancellationToken);
}
