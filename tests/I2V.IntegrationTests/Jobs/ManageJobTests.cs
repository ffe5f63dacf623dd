using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using I2V.Gateway.Access;
using I2V.Gateway.Storage;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.Extensions.DependencyInjection;

namespace I2V.IntegrationTests.Jobs;

/// <summary>What users and operators change about jobs, lanes and workers, over HTTP.</summary>
public sealed class ManageJobTests(ApiFixture api) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private const string Lane = "i2v.lane.motion";

    private static readonly ModelCapability Presets = FakeWorker.Lab with
    {
        Name = "presets",
        Defaults = FakeWorker.Lab.Defaults with { Preset = "standard" },
        Presets = new Dictionary<string, JobSettings>
        {
            ["draft"] = new() { Steps = 10 },
            ["standard"] = new() { Steps = 20 },
            ["final"] = new() { Steps = 40, GuidanceScale = 9 },
        },
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A worker of the test's own on the same device, so that no test sees another one's drain.</summary>
    public async ValueTask InitializeAsync()
    {
        await api.EmptyAsync();
        await api.Worker.RegisterAsync(FakeWorker.Motion, FakeWorker.Lab, Presets);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_job_is_held_let_go_and_given_another_priority_and_tags()
    {
        var job = await api.SubmitAsync();

        var held = await PatchAsync(job.Id, """{"hold":true,"priority":3,"tags":{"project":"x"}}""").ReadAsync<JobObject>();
        Assert.Equal((JobStatus.Held, 3, "x"), (held.Status, held.Priority, held.Tags["project"]));
        Assert.Null(held.Queue);
        Assert.Null(await api.Worker.ClaimAsync());
        Assert.Equal(JobStatus.Held, (await PatchAsync(job.Id, """{"hold":true}""").ReadAsync<JobObject>()).Status);
        var listed = await api.Client.GetAsync("/v1/jobs?status=held", Ct).ReadAsync<JobList>();
        Assert.Equal(job.Id, Assert.Single(listed.Data).Id);

        var free = await PatchAsync(job.Id, """{"hold":false,"tags":{}}""").ReadAsync<JobObject>();
        Assert.Equal((JobStatus.Queued, 3, 0, 1), (free.Status, free.Priority, free.Tags.Count, free.Queue!.Position));
        Assert.NotNull(await api.Worker.ClaimAsync());

        var problem = await ApiFixture.ProblemAsync(await PatchAsync(job.Id, """{"hold":true}"""), HttpStatusCode.Conflict, ErrorCode.Conflict);
        Assert.StartsWith("The job is running", problem.Detail, StringComparison.Ordinal);
        Assert.Equal("y", (await PatchAsync(job.Id, """{"tags":{"project":"y"}}""").ReadAsync<JobObject>()).Tags["project"]);
    }

    [Theory]
    [InlineData("""{}""", "", "Says nothing to change")]
    [InlineData("""{"hold":"yes"}""", "/hold", "Must be true or false, not a text.")]
    [InlineData("""{"priority":11}""", "/priority", "must be a whole number from -10 to 10")]
    [InlineData("""{"priority":1.5}""", "/priority", "must be a whole number")]
    [InlineData("""{"tags":{"a b":"c"}}""", "/tags/a b", "A tag's name has")]
    [InlineData("""{"status":"held"}""", "/status", "Unknown field. Known here: hold, priority, tags.")]
    public async Task A_wrong_change_is_refused_with_the_field(string body, string pointer, string words)
    {
        var job = await api.SubmitAsync();

        var problem = await ApiFixture.ProblemAsync(await PatchAsync(job.Id, body), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        var error = Assert.Single(problem.Errors!);
        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(words, error.Detail, StringComparison.Ordinal);
        Assert.Equal(JobStatus.Queued, (await api.GetAsync(job.Id)).Status);
    }

    [Fact]
    public async Task A_tenant_may_not_go_above_its_own_priority_nor_touch_anothers_job()
    {
        var job = await api.SubmitAsync();
        using var stranger = await api.Gateway.NewTenantAsync("modest");
        await api.Gateway.ExecuteAsync("update tenants set max_priority = 2 where name = 'modest'");
        foreach (var call in new Func<Task<HttpResponseMessage>>[]
        {
            () => stranger.PatchAsync($"/v1/jobs/{job.Id}", ApiFixture.Json("""{"hold":true}"""), Ct),
            () => stranger.PostAsync($"/v1/jobs/{job.Id}/retry", content: null, Ct),
            () => stranger.PostAsync($"/v1/jobs/{job.Id}/finalize", content: null, Ct),
        })
        {
            await ApiFixture.ProblemAsync(await call(), HttpStatusCode.NotFound, ErrorCode.NotFound);
        }

        using var modest = await api.Gateway.NewTenantAsync("modest");
        var own = await ApiFixture.SubmitAsync(modest);
        var problem = await ApiFixture.ProblemAsync(
            await modest.PatchAsync($"/v1/jobs/{own.Id}", ApiFixture.Json("""{"priority":3}"""), Ct), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal("Is 3; your tenant may use -10 to 2.", problem.Detail);
        Assert.Equal(HttpStatusCode.OK, (await modest.PatchAsync($"/v1/jobs/{own.Id}", ApiFixture.Json("""{"priority":2}"""), Ct)).StatusCode);
        await ApiFixture.ProblemAsync(
            await modest.PatchAsync($"/v1/jobs/{own.Id}", new StringContent("hold"), Ct), HttpStatusCode.UnsupportedMediaType, ErrorCode.InvalidInput);
    }

    [Fact]
    public async Task A_retry_is_the_same_request_with_the_same_picture_as_a_new_job()
    {
        var first = await api.SubmitAsync(("prompt", "pan left"), ("priority", "2"));
        var attempt = (await api.Worker.ClaimAsync())!;
        await ApiFixture.ProblemAsync(await RetryAsync(first.Id), HttpStatusCode.Conflict, ErrorCode.Conflict);
        await api.Worker.FailAsync(attempt, ErrorCode.InvalidInput, "It does not work.");

        using var answer = await RetryAsync(first.Id, "once");
        var second = await answer.ReadAsync<JobObject>();
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        Assert.Equal(second.Urls.Self, answer.Headers.Location!.OriginalString);
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal((first.Id, JobStatus.Queued, 2), (second.RetryOf, second.Status, second.Priority));
        Assert.Equal(first.Applied, second.Applied with { Techniques = first.Applied.Techniques }); // the drawn seed too
        Assert.Equal(first.Requested, second.Requested);

        // The same key gives the same job, and not for another request.
        using var again = await RetryAsync(first.Id, "once");
        Assert.Equal(second.Id, (await again.ReadAsync<JobObject>()).Id);
        Assert.Equal("true", again.Headers.GetValues("Idempotent-Replayed").Single());
        await ApiFixture.ProblemAsync(await SendAsync($"/v1/jobs/{(await FailedAsync()).Id}/retry", "once"), HttpStatusCode.UnprocessableEntity, ErrorCode.IdempotencyKeyReused);

        // The picture is the new job's own: it outlives the first one.
        Assert.Equal(HttpStatusCode.NoContent, (await api.Client.DeleteAsync($"/v1/jobs/{first.Id}", Ct)).StatusCode);
        await api.Worker.CompleteAsync((await api.Worker.ClaimAsync())!);
        Assert.Equal(JobStatus.Succeeded, (await api.GetAsync(second.Id)).Status);
        await ApiFixture.ProblemAsync(await RetryAsync(second.Id), HttpStatusCode.Conflict, ErrorCode.Conflict);
    }

    [Fact]
    public async Task A_retry_keeps_the_time_limits_unless_it_brings_its_own()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = ApiFixture.Form(ApiFixture.Photo) };
        request.Headers.Add("Cancel-After", "10m");
        request.Headers.Add("X-Start-Timeout", "120");
        var first = await api.Client.SendAsync(request, Ct).ReadAsync<JobObject>();
        using var cancel = await api.Client.PostAsync($"/v1/jobs/{first.Id}/cancel", content: null, Ct);

        var same = await RetryAsync(first.Id).ReadAsync<JobObject>();
        using var other = new HttpRequestMessage(HttpMethod.Post, $"/v1/jobs/{first.Id}/retry");
        other.Headers.Add("Cancel-After", "1h");
        var own = await api.Client.SendAsync(other, Ct).ReadAsync<JobObject>();

        Assert.Equal((600, 120), await LimitsAsync(same.Id));
        Assert.Equal((3600, 120), await LimitsAsync(own.Id));
    }

    [Fact]
    public async Task A_retry_whose_picture_is_gone_or_damaged_says_so_and_leaves_nothing()
    {
        var job = await FailedAsync();
        var store = api.Gateway.Services.GetRequiredService<IObjectStore>();
        Assert.True(JobId.TryParse(job.Id, out var id));
        var key = await api.Gateway.ScalarAsync<string>("select input_key from jobs where id = $1", id);
        var jobs = await api.Gateway.ScalarAsync<long>("select count(*) from jobs");

        await store.PutAsync(key, new MemoryStream("another picture"u8.ToArray()), "image/png", Ct);
        var damaged = await ApiFixture.ProblemAsync(await RetryAsync(job.Id), HttpStatusCode.Conflict, ErrorCode.Conflict);
        Assert.Equal("The job's picture is not stored any more as it was. Submit the picture again, as a new job.", damaged.Detail);

        await store.DeleteAsync(key, Ct);
        var gone = await ApiFixture.ProblemAsync(await RetryAsync(job.Id), HttpStatusCode.Conflict, ErrorCode.Conflict);
        Assert.Equal("The job's picture is no longer stored. Submit the picture again, as a new job.", gone.Detail);
        Assert.Equal(jobs, await api.Gateway.ScalarAsync<long>("select count(*) from jobs"));
    }

    [Fact]
    public async Task A_draft_is_finalized_with_its_seed_and_size_and_the_steps_of_the_preset()
    {
        var draft = await api.MakeFilmAsync(("model", "presets"), ("preset", "draft"), ("prompt", "a boat"), ("width", "64"), ("guidance_scale", "5"));
        Assert.Equal(10, draft.Applied.Steps);

        var final = await FinalizeAsync(draft.Id, "").ReadAsync<JobObject>();
        Assert.Equal((draft.Id, "final", 40, 9.0), (final.RetryOf, final.Applied.Preset, final.Applied.Steps!.Value, final.Applied.GuidanceScale!.Value));
        Assert.Equal(
            (draft.Applied.Seed, "a boat", draft.Applied.Width, draft.Applied.Height, draft.Applied.NumFrames),
            (final.Applied.Seed, final.Applied.Prompt, final.Applied.Width, final.Applied.Height, final.Applied.NumFrames));
        await api.Worker.CompleteAsync((await api.Worker.ClaimAsync())!);

        var standard = await FinalizeAsync(draft.Id, """{"preset":"standard"}""").ReadAsync<JobObject>();
        Assert.Equal((20, 5.0), (standard.Applied.Steps!.Value, standard.Applied.GuidanceScale!.Value));
        await ApiFixture.ProblemAsync(await FinalizeAsync(standard.Id, ""), HttpStatusCode.Conflict, ErrorCode.Conflict);

        foreach (var (job, preset, words) in new[]
        {
            (draft.Id, "draft", "draft takes 10 steps, no more than the 10 that the job took; name a higher preset."),
            (draft.Id, "better", "presets has no preset of this name; must be one of draft, final, standard."),
            (final.Id, "final", "final takes 40 steps, no more than the 40 that the job took; name a higher preset."),
        })
        {
            var problem = await ApiFixture.ProblemAsync(
                await FinalizeAsync(job, JsonSerializer.Serialize(new { preset })), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
            Assert.Equal(("/preset", words), (problem.Errors![0].Pointer, problem.Errors[0].Detail));
        }

        await api.EmptyAsync();
        var film = await api.MakeFilmAsync();
        var none = await ApiFixture.ProblemAsync(await FinalizeAsync(film.Id, ""), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal("motion has no presets: its films cannot be made any better than they are.", none.Detail);
    }

    [Fact]
    public async Task A_paused_lane_is_told_by_its_jobs_and_by_the_list_of_queues()
    {
        var job = await api.SubmitAsync();
        using var pause = await api.Client.PostAsync($"/v1/queues/{Lane}/pause", content: null, Ct);
        var paused = await pause.ReadAsync<QueueObject>();
        Assert.Equal((Lane, true, 1L, 1L), (paused.Lane, paused.Paused, paused.Depth, paused.Workers));
        Assert.NotNull(paused.PausedAt);

        Assert.Null(await api.Worker.ClaimAsync());
        var queue = (await api.GetAsync(job.Id)).Queue!;
        Assert.Equal(["lane_paused"], queue.BlockedBy);
        Assert.Null(queue.EtaSeconds);
        using var form = ApiFixture.Form(ApiFixture.Photo);
        var estimate = await api.Client.PostAsync("/v1/jobs:estimate", form, Ct).ReadAsync<JobEstimate>();
        Assert.Contains("lane_paused", estimate.Queue!.BlockedBy);

        var resumed = await api.Client.PostAsync($"/v1/queues/{Lane}/resume", content: null, Ct).ReadAsync<QueueObject>();
        Assert.False(resumed.Paused);
        await PatchAsync((await api.SubmitAsync()).Id, """{"hold":true}""");
        Assert.NotNull(await api.Worker.ClaimAsync());
        await api.SubmitAsync();
        var told = (await api.Client.GetAsync("/v1/queues", Ct).ReadAsync<QueueList>()).Data.Single(row => row.Lane == Lane);
        Assert.Equal((1L, 1L, 1L, false), (told.Depth, told.Held, told.Running, told.Paused));
        Assert.InRange(told.OldestSeconds!.Value, 0, 60);
        Assert.Contains((await api.Client.GetAsync("/v1/queues", Ct).ReadAsync<QueueList>()).Data, row => row is { Lane: "i2v.lane.lab", Depth: 0, OldestSeconds: null });
    }

    [Fact]
    public async Task A_worker_that_drains_is_shown_so_and_gets_nothing_until_it_is_resumed()
    {
        var job = await api.SubmitAsync();
        var claimed = (await api.Worker.ClaimAsync())!;
        var waiting = await api.SubmitAsync();
        var worker = (await api.Client.GetAsync("/v1/workers", Ct).ReadAsync<WorkerList>()).Data.Single();

        var draining = await api.Client.PostAsync($"/v1/workers/{worker.Id}/drain", content: null, Ct).ReadAsync<WorkerObject>();
        Assert.Equal(("draining", job.Id), (draining.State, draining.CurrentJob));
        await api.Worker.CompleteAsync(claimed);
        Assert.Null(await api.Worker.ClaimAsync());
        Assert.Equal(JobStatus.Succeeded, (await api.GetAsync(job.Id)).Status);
        Assert.Contains((await api.GetAsync(waiting.Id)).Queue!.BlockedBy, reason => reason.EndsWith("finishes what it has and takes nothing more", StringComparison.Ordinal));

        // What the worker says of itself does not take the drain back.
        using var voice = api.Gateway.NewClient(api.Gateway.WorkerKey);
        var beat = await voice.PostAsJsonAsync($"/worker/v1/workers/{worker.Id}/heartbeat", new IdleHeartbeat { State = "idle" }, I2VJson.Options, Ct).ReadAsync<IdleHeartbeatAnswer>();
        Assert.True(beat.Drain);
        Assert.Equal("draining", (await api.Client.GetAsync($"/v1/workers/{worker.Id}", Ct).ReadAsync<WorkerObject>()).State);

        Assert.Equal("idle", (await api.Client.PostAsync($"/v1/workers/{worker.Id}/resume", content: null, Ct).ReadAsync<WorkerObject>()).State);
        Assert.Equal(waiting.Id, JobId.Format((await api.Worker.ClaimAsync())!.JobId));
    }

    [Fact]
    public async Task Lanes_and_workers_are_an_administrators_and_what_is_not_there_is_said()
    {
        using var user = await api.Gateway.NewTenantAsync("user", Scopes.JobsRead, Scopes.JobsWrite);
        using var reader = await api.Gateway.NewTenantAsync("user", Scopes.JobsRead);
        var worker = (await api.Client.GetAsync("/v1/workers", Ct).ReadAsync<WorkerList>()).Data.Single().Id;
        foreach (var path in (string[])[$"/v1/queues/{Lane}/pause", $"/v1/queues/{Lane}/resume", $"/v1/workers/{worker}/drain", $"/v1/workers/{worker}/resume"])
        {
            await ApiFixture.ProblemAsync(await user.PostAsync(path, content: null, Ct), HttpStatusCode.Forbidden, ErrorCode.Forbidden);
        }

        Assert.Equal(HttpStatusCode.OK, (await reader.GetAsync("/v1/queues", Ct)).StatusCode);
        var job = await api.SubmitAsync();
        await ApiFixture.ProblemAsync(await reader.PatchAsync($"/v1/jobs/{job.Id}", ApiFixture.Json("""{"hold":true}"""), Ct), HttpStatusCode.Forbidden, ErrorCode.Forbidden);

        foreach (var path in (string[])["/v1/queues/i2v.lane.mistyped/pause", "/v1/queues/i2v.lane.mistyped/resume", $"/v1/workers/{Guid.NewGuid()}/drain", "/v1/workers/nobody/resume"])
        {
            await ApiFixture.ProblemAsync(await api.Client.PostAsync(path, content: null, Ct), HttpStatusCode.NotFound, ErrorCode.NotFound);
        }

        await api.Worker.RegisterAsync(FakeWorker.Motion); // takes over the device
        await ApiFixture.ProblemAsync(await api.Client.PostAsync($"/v1/workers/{worker}/drain", content: null, Ct), HttpStatusCode.Conflict, ErrorCode.Conflict);
    }

    private Task<HttpResponseMessage> PatchAsync(string job, string body) => api.Client.PatchAsync($"/v1/jobs/{job}", ApiFixture.Json(body), Ct);

    private Task<HttpResponseMessage> RetryAsync(string job, string? key = null) => SendAsync($"/v1/jobs/{job}/retry", key);

    private Task<HttpResponseMessage> FinalizeAsync(string job, string body) =>
        api.Client.PostAsync($"/v1/jobs/{job}/finalize", body.Length == 0 ? null : ApiFixture.Json(body), Ct);

    private async Task<HttpResponseMessage> SendAsync(string path, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        return await api.Client.SendAsync(request, Ct);
    }

    private async Task<JobObject> FailedAsync()
    {
        var job = await api.SubmitAsync(("model", "lab"));
        Assert.True(JobId.TryParse(job.Id, out var id));
        using var cancel = await api.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", content: null, Ct);
        Assert.Equal("canceled", await api.Gateway.ScalarAsync<string>("select state from jobs where id = $1", id));
        return job;
    }

    private async Task<(double Whole, double Start)> LimitsAsync(string job)
    {
        Assert.True(JobId.TryParse(job, out var id));
        var text = await api.Gateway.ScalarAsync<string>(
            "select round(extract(epoch from deadline_at - created_at))::text || ' ' || round(extract(epoch from start_deadline_at - created_at))::text from jobs where id = $1", id);
        var parts = text.Split(' ');
        return (double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
