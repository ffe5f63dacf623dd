using System.Net;
using System.Net.Http.Json;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Jobs;

public sealed class SubmitJobTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_image_alone_is_a_job()
    {
        using var response = await api.Client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), ct);
        var job = (await response.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!;

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(job.Urls.Self, response.Headers.Location!.ToString());
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.StartsWith("req_", response.Headers.GetValues("X-Request-Id").Single(), StringComparison.Ordinal);
        Assert.Equal(("motion", JobStatus.Queued), (job.Model, job.Status));
        Assert.Equal((128, 86, 16, 8), (job.Applied.Width, job.Applied.Height, job.Applied.NumFrames, job.Applied.Fps));
        Assert.NotNull(job.Applied.Seed);
        Assert.Equal(new JobSettings(), job.Requested);
        Assert.Equal(1, job.Queue!.FeasibleWorkers);
    }

    [Fact]
    public async Task JSON_with_a_data_URL_is_a_job_too()
    {
        var body = $$$"""
            {"model":"lab","priority":2,"tags":{"project":"x"},"output":{"expires_in":600},"fit":{"policy":"wait","min_frames":5},
             "input":{"image":{"data_url":"data:image/png;base64,{{{Convert.ToBase64String(ApiFixture.Photo)}}}"},
                      "prompt":"naïve 🎈 ${jndi:x}'; drop table jobs; --","num_frames":9,"width":256,"seed":9007199254740991,"steps":12}}
            """;

        using var response = await api.Client.PostAsync("/v1/jobs", ApiFixture.Json(body), ct);
        var job = (await response.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!;

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(("lab", 2, "x"), (job.Model, job.Priority, job.Tags["project"]));
        Assert.Equal("naïve 🎈 ${jndi:x}'; drop table jobs; --", job.Requested.Prompt);
        Assert.Equal((256, 168, 9, 12, 9007199254740991), (job.Applied.Width, job.Applied.Height, job.Applied.NumFrames, job.Applied.Steps, job.Applied.Seed));
        Assert.Null(job.Requested.Height);
    }

    [Fact]
    public async Task A_setting_that_the_model_does_not_use_is_accepted_with_a_warning()
    {
        var job = await api.SubmitAsync(("guidance_scale", "7"), ("negative_prompt", "blur"));

        Assert.Equal(["guidance_scale", "negative_prompt"], job.Warnings.Select(warning => warning.Field!).Order(StringComparer.Ordinal));
        Assert.Null(job.Applied.GuidanceScale);
        Assert.Equal(7, job.Requested.GuidanceScale);
    }

    [Fact]
    public async Task Sixty_four_submits_with_one_key_make_one_job()
    {
        var before = Files();
        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => SubmitWithKeyAsync("one-key", ("prompt", "zoom in"))));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Accepted, answer.Status));
        Assert.Single(answers.Select(answer => answer.Job!.Id).Distinct());
        Assert.Equal(63, answers.Count(answer => answer.Replayed));
        Assert.Equal(before + 1, Files());
    }

    [Fact]
    public async Task A_key_for_another_request_is_422_and_for_another_tenant_another_job()
    {
        var first = await SubmitWithKeyAsync("shared", ("seed", "1"));
        using var other = await api.Gateway.NewTenantAsync("other-key");
        using var request = WithKey("shared", ("seed", "1"));
        var second = await other.SendAsync(request, ct).ReadAsync<JobObject>();
        var before = await api.Gateway.LeftoversAsync();

        using var changed = WithKey("shared", ("seed", "2"));
        using var refused = await api.Client.SendAsync(changed, ct);

        await ApiFixture.ProblemAsync(refused, HttpStatusCode.UnprocessableEntity, ErrorCode.IdempotencyKeyReused);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
        Assert.NotEqual(first.Job!.Id, second.Id);
    }

    [Fact]
    public async Task A_replay_needs_neither_the_same_form_nor_the_same_order()
    {
        var first = await SubmitWithKeyAsync("any-form", ("seed", "5"), ("prompt", "pan left"));
        var json = $$$"""{"input":{"prompt":"pan left","seed":5,"image":{"data_url":"data:image/png;base64,{{{Convert.ToBase64String(ApiFixture.Photo)}}}"} } }""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = ApiFixture.Json(json), Headers = { { "Idempotency-Key", "any-form" } } };

        using var response = await api.Client.SendAsync(request, ct);

        Assert.Equal("true", response.Headers.GetValues("Idempotent-Replayed").Single());
        Assert.Equal(first.Job!.Id, (await response.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!.Id);
    }

    [Fact]
    public async Task Prefer_wait_answers_200_when_the_film_is_there_and_202_when_it_is_not()
    {
        await api.EmptyAsync();
        using var patient = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = ApiFixture.Form(ApiFixture.Photo), Headers = { { "Prefer", "wait=30" } } };
        var waiting = api.Client.SendAsync(patient, ct);
        await api.Worker.CompleteAsync(await ClaimWhenThereAsync());

        using var done = await waiting;
        using var hasty = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = ApiFixture.Form(ApiFixture.Photo), Headers = { { "Prefer", "wait=0" } } };
        using var accepted = await api.Client.SendAsync(hasty, ct);

        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        Assert.Equal("wait=30", done.Headers.GetValues("Preference-Applied").Single());
        var job = (await done.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!;
        Assert.Equal(JobStatus.Succeeded, job.Status);
        Assert.NotNull(job.Output!.Video);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
    }

    [Fact]
    public async Task A_full_queue_is_429_with_Retry_After_and_nothing_is_kept()
    {
        using var client = await api.Gateway.NewTenantAsync("full");
        await api.Gateway.ExecuteAsync("update tenants set max_queued = 0 where name = 'full'");
        var before = await api.Gateway.LeftoversAsync();

        using var response = await client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), ct);

        await ApiFixture.ProblemAsync(response, HttpStatusCode.TooManyRequests, ErrorCode.QueueFull);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
    }

    [Fact]
    public async Task A_priority_above_the_tenants_is_refused_with_what_is_allowed()
    {
        using var client = await api.Gateway.NewTenantAsync("modest");
        await api.Gateway.ExecuteAsync("update tenants set max_priority = 3 where name = 'modest'");
        var before = await api.Gateway.LeftoversAsync();

        using var response = await client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo, ("priority", "4")), ct);

        var problem = await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        var error = Assert.Single(problem.Errors!);
        Assert.Equal("/priority", error.Pointer);
        Assert.Contains("-10 to 3", error.Detail, StringComparison.Ordinal);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
        Assert.Equal(3, (await ApiFixture.SubmitAsync(client, ("priority", "3"))).Priority);
    }

    [Fact]
    public async Task Without_a_priority_a_job_gets_the_most_that_its_tenant_may_have_up_to_0()
    {
        using var client = await api.Gateway.NewTenantAsync("last-in-line");
        await api.Gateway.ExecuteAsync("update tenants set max_priority = -5 where name = 'last-in-line'");

        Assert.Equal(-5, (await ApiFixture.SubmitAsync(client)).Priority);
        Assert.Equal(0, (await api.SubmitAsync()).Priority);
    }

    [Fact]
    public async Task Deadlines_of_the_headers_are_kept_with_the_job()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/jobs") { Content = ApiFixture.Form(ApiFixture.Photo) };
        request.Headers.Add("Cancel-After", "10m");
        request.Headers.Add("X-Start-Timeout", "120");
        var job = await api.Client.SendAsync(request, ct).ReadAsync<JobObject>();

        Assert.True(JobId.TryParse(job.Id, out var id));
        await using var command = api.Gateway.Database.CreateCommand(
            $"select round(extract(epoch from deadline_at - created_at))::int, round(extract(epoch from start_deadline_at - created_at))::int from jobs where id = '{id}'");
        await using var reader = await command.ExecuteReaderAsync(ct);
        Assert.True(await reader.ReadAsync(ct));
        Assert.Equal((600, 120), (reader.GetInt32(0), reader.GetInt32(1)));
    }

    private int Files() => Directory.EnumerateFiles(api.Gateway.Folder, "*", SearchOption.AllDirectories).Count();

    private async Task<Protocol.Workers.ClaimedJob> ClaimWhenThereAsync()
    {
        while (true)
        {
            if (await api.Worker.ClaimAsync() is { } job)
            {
                return job;
            }

            ct.ThrowIfCancellationRequested();
        }
    }

    private static HttpRequestMessage WithKey(string key, params (string Name, string Value)[] fields) =>
        new(HttpMethod.Post, "/v1/jobs") { Content = ApiFixture.Form(ApiFixture.Photo, fields), Headers = { { "Idempotency-Key", key } } };

    private async Task<(HttpStatusCode Status, bool Replayed, JobObject? Job)> SubmitWithKeyAsync(string key, params (string Name, string Value)[] fields)
    {
        using var request = WithKey(key, fields);
        using var response = await api.Client.SendAsync(request, ct);
        var job = response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct) : null;
        return (response.StatusCode, response.Headers.Contains("Idempotent-Replayed"), job);
    }
}
