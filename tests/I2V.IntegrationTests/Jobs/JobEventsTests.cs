using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using I2V.Gateway.Events;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Tests;
using Microsoft.Extensions.DependencyInjection;

namespace I2V.IntegrationTests.Jobs;

public sealed class JobEventsTests(ApiFixture api) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await api.EmptyAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_stream_begins_with_a_snapshot_then_tells_the_history_and_closes_after_the_end()
    {
        var job = await api.MakeFilmAsync();

        using var stream = await OpenAsync(api.Client, job.Id);
        var events = await ReadAllAsync(stream);

        Assert.Equal("text/event-stream", stream.Content.Headers.ContentType!.MediaType);
        Assert.Equal("no", stream.Headers.GetValues("X-Accel-Buffering").Single());
        Assert.Equal([JobEventTypes.Snapshot, JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Succeeded], events.Select(e => e.EventType));
        Assert.True(string.IsNullOrEmpty(events[0].EventId));
        Assert.Equal(TimeSpan.FromSeconds(3), events[0].ReconnectionInterval);
        Assert.Equal(job.Id, JsonSerializer.Deserialize<JobObject>(events[0].Data, I2VJson.Options)!.Id);
        var ids = events.Skip(1).Select(e => long.Parse(e.EventId!, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(ids.Order(), ids);
    }

    [Fact]
    public async Task A_live_stream_tells_progress_as_it_happens()
    {
        var job = await api.SubmitAsync();
        using var stream = await OpenAsync(api.Client, job.Id);
        await using var events = Parse(stream).GetAsyncEnumerator(ct);
        await NextAsync(events, JobEventTypes.Queued);
        var claim = (await api.Worker.ClaimAsync())!;
        await NextAsync(events, JobEventTypes.Started);

        await api.Worker.BeatAsync(claim, JobPhase.Denoising, 50, 2);
        var progress = JsonSerializer.Deserialize<JobEventData>((await NextAsync(events, JobEventTypes.Progress)).Data, I2VJson.Options)!.Progress!;
        await api.Worker.CompleteAsync(claim);
        await NextAsync(events, JobEventTypes.Succeeded);

        Assert.Equal((JobPhase.Denoising, 50, 2), (progress.Phase, progress.Percent, progress.Step));
        Assert.False(await events.MoveNextAsync());
    }

    [Fact]
    public async Task A_reconnect_goes_on_after_the_last_seen_event_on_another_gateway_too()
    {
        var job = await api.MakeFilmAsync();
        using var first = await OpenAsync(api.Client, job.Id);
        var all = await ReadAllAsync(first);
        await using var second = await api.Gateway.StartAnotherAsync();

        using var rest = await OpenAsync(second.Client, job.Id, all[1].EventId);
        using var ended = await OpenAsync(second.Client, job.Id, all[^1].EventId);

        Assert.Equal([JobEventTypes.Snapshot, .. all.Skip(2).Select(e => e.EventType)], (await ReadAllAsync(rest)).Select(e => e.EventType));
        Assert.Equal(HttpStatusCode.NoContent, ended.StatusCode);
    }

    [Fact]
    public async Task Who_listens_at_one_gateway_hears_what_happens_at_another()
    {
        var job = await api.SubmitAsync();
        await using var other = await api.Gateway.StartAnotherAsync();
        using var stream = await OpenAsync(other.Client, job.Id);
        await using var events = Parse(stream).GetAsyncEnumerator(ct);
        await NextAsync(events, JobEventTypes.Queued);

        await api.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, ct);

        await NextAsync(events, JobEventTypes.Canceled);
    }

    [Fact]
    public async Task A_gateway_that_stops_ends_its_streams_so_that_they_are_taken_up_elsewhere()
    {
        var job = await api.SubmitAsync();
        await using var other = await api.Gateway.StartAnotherAsync();
        using var stream = await OpenAsync(other.Client, job.Id);
        await using var events = Parse(stream).GetAsyncEnumerator(ct);
        var last = await NextAsync(events, JobEventTypes.Queued);

        await other.StopAsync();
        Assert.False(await events.MoveNextAsync());
        await api.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, ct);
        using var again = await OpenAsync(api.Client, job.Id, last.EventId);

        Assert.Equal([JobEventTypes.Snapshot, JobEventTypes.Canceled], (await ReadAllAsync(again)).Select(e => e.EventType));
    }

    [Fact]
    public async Task A_stream_survives_the_loss_of_every_database_connection()
    {
        var job = await api.SubmitAsync();
        using var stream = await OpenAsync(api.Client, job.Id);
        await using var events = Parse(stream).GetAsyncEnumerator(ct);
        await NextAsync(events, JobEventTypes.Queued);

        await api.Gateway.ExecuteAsync(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like 'LISTEN%'");
        await api.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, ct);

        await NextAsync(events, JobEventTypes.Canceled);
    }

    [Fact]
    public async Task The_stream_of_a_deleted_job_closes()
    {
        var job = await api.SubmitAsync();
        using var stream = await OpenAsync(api.Client, job.Id);
        var reading = ReadAllAsync(stream);

        using var deleted = await api.Client.DeleteAsync($"/v1/jobs/{job.Id}", ct);

        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(JobEventTypes.Snapshot, (await reading)[0].EventType);
    }

    [Fact]
    public async Task A_quiet_stream_pings_every_fifteen_seconds()
    {
        var clock = new ManualTimeProvider();
        await using var gateway = await TestGateway.StartAsync(clock);
        using var worker = new FakeWorker(gateway);
        await worker.RegisterAsync(FakeWorker.Motion);
        var job = await ApiFixture.SubmitAsync(gateway.Client);
        await ListeningAsync(gateway);

        // Not on a full second, on which the gateway's own timers are due: what is waited for below is the stream's timer.
        clock.Advance(TimeSpan.FromMilliseconds(137));
        using var stream = await OpenAsync(gateway.Client, job.Id);
        await using var events = Parse(stream).GetAsyncEnumerator(ct);
        await NextAsync(events, JobEventTypes.Queued);

        for (var ping = 0; ping < 3; ping++)
        {
            // The stream looks at the table after ten seconds and says nothing; then five are left.
            await clock.TimerSetAsync(TimeSpan.FromSeconds(10));
            clock.Advance(TimeSpan.FromSeconds(10));
            await clock.TimerSetAsync(TimeSpan.FromSeconds(5));
            clock.Advance(TimeSpan.FromSeconds(5));

            Assert.True(await events.MoveNextAsync());
            Assert.Equal(JobEventTypes.Ping, events.Current.EventType);
        }
    }

    [Fact]
    public async Task A_Last_Event_ID_that_is_no_number_is_400()
    {
        var job = await api.SubmitAsync();
        using var response = await OpenAsync(api.Client, job.Id, "x");

        await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
    }

    /// <summary>Until the gateway hears the database, it looks more often.</summary>
    private async Task ListeningAsync(TestGateway gateway)
    {
        var signal = gateway.Services.GetRequiredService<EventSignal>();
        while (signal.SafetyPoll != TimeSpan.FromSeconds(10))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), ct);
        }
    }

    private async Task<HttpResponseMessage> OpenAsync(HttpClient client, string id, string? last = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/events");
        if (last is not null)
        {
            request.Headers.Add("Last-Event-ID", last);
        }

        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
    }

    private async IAsyncEnumerable<SseItem<string>> Parse(HttpResponseMessage response)
    {
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        await foreach (var item in SseParser.Create(body).EnumerateAsync(ct))
        {
            yield return item;
        }
    }

    private async Task<List<SseItem<string>>> ReadAllAsync(HttpResponseMessage response)
    {
        var all = new List<SseItem<string>>();
        await foreach (var item in Parse(response))
        {
            all.Add(item);
        }

        return all;
    }

    private async Task<SseItem<string>> NextAsync(IAsyncEnumerator<SseItem<string>> events, string type)
    {
        while (await events.MoveNextAsync())
        {
            if (events.Current.EventType == type)
            {
                return events.Current;
            }

            ct.ThrowIfCancellationRequested();
        }

        throw new InvalidOperationException($"The stream ended before {type}.");
    }
}
