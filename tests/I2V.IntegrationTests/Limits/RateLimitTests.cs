using System.Globalization;
using System.Net;
using System.Text.Json;
using I2V.Gateway.Access;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Errors;

namespace I2V.IntegrationTests.Limits;

/// <summary>How often a tenant may ask, whichever gateway it asks.</summary>
public sealed class RateLimitTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_answer_says_what_is_left()
    {
        using var client = await NewTenantAsync(limit: 3);

        using var first = await client.GetAsync("/v1/models", Ct);
        using var second = await client.GetAsync("/v1/models/none", Ct);

        Assert.Equal((HttpStatusCode.OK, 3, 2), (first.StatusCode, Number(first, "RateLimit-Limit"), Number(first, "RateLimit-Remaining")));
        Assert.Equal((HttpStatusCode.NotFound, 3, 1), (second.StatusCode, Number(second, "RateLimit-Limit"), Number(second, "RateLimit-Remaining")));
        Assert.InRange(Number(second, "RateLimit-Reset"), 1, 60);
    }

    [Fact]
    public async Task Two_gateways_let_exactly_as_many_requests_through_as_the_tenant_may_make()
    {
        await using var other = await api.Gateway.StartAnotherAsync();
        var name = NewName();
        var key = await AddKeyAsync(name, limit: 20);
        using var here = api.Gateway.NewClient(key);
        using var there = other.NewClient(key);

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(n => (n % 2 == 0 ? here : there).GetAsync("/v1/models", Ct)));

        Assert.Equal(20, answers.Count(answer => answer.StatusCode == HttpStatusCode.OK));
        Assert.Equal(40, answers.Count(answer => answer.StatusCode == HttpStatusCode.TooManyRequests));
        Assert.Equal(
            Enumerable.Range(0, 20),
            answers.Where(answer => answer.StatusCode == HttpStatusCode.OK).Select(answer => Number(answer, "RateLimit-Remaining")).Order());
    }

    [Fact]
    public async Task Submits_at_once_make_no_more_jobs_than_the_limit()
    {
        var name = NewName();
        using var client = api.Gateway.NewClient(await AddKeyAsync(name, limit: 4));

        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), Ct)));

        Assert.Equal(4, answers.Count(answer => answer.StatusCode == HttpStatusCode.Accepted));
        Assert.Equal(4L, await api.Gateway.ScalarAsync<long>("select count(*) from jobs j join tenants t on t.id = j.tenant_id where t.name = $1", name));
        foreach (var refused in answers.Where(answer => answer.StatusCode != HttpStatusCode.Accepted))
        {
            var problem = await ApiFixture.ProblemAsync(refused, HttpStatusCode.TooManyRequests, ErrorCode.RateLimited);
            Assert.True(problem.Retryable);
            Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
            Assert.Equal(0, Number(refused, "RateLimit-Remaining"));
        }
    }

    [Fact]
    public async Task The_next_minute_begins_anew()
    {
        var clock = new AheadClock();
        await using var gateway = await TestGateway.StartAsync(clock);
        using var client = gateway.NewClient(await AddKeyAsync("patient", limit: 1, gateway));
        using var first = await client.GetAsync("/v1/models", Ct);
        using var second = await client.GetAsync("/v1/models", Ct);
        clock.Ahead = TimeSpan.FromSeconds(61);
        await gateway.ExecuteAsync("update rate_windows set started_at = started_at - interval '61 seconds'");

        using var third = await client.GetAsync("/v1/models", Ct);
        using var fourth = await client.GetAsync("/v1/models", Ct);

        Assert.Equal(
            [HttpStatusCode.OK, HttpStatusCode.TooManyRequests, HttpStatusCode.OK, HttpStatusCode.TooManyRequests],
            new[] { first.StatusCode, second.StatusCode, third.StatusCode, fourth.StatusCode });
    }

    [Fact]
    public async Task A_key_with_a_limit_of_its_own_leaves_the_rest_to_the_others_of_its_tenant()
    {
        var name = NewName();
        using var narrow = api.Gateway.NewClient(await AddKeyAsync(name, limit: 6, keyLimit: 2));
        using var wide = api.Gateway.NewClient(await AddKeyAsync(name, limit: 6));

        var greedy = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => narrow.GetAsync("/v1/models", Ct)));
        var rest = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => wide.GetAsync("/v1/models", Ct)));

        Assert.Equal((2, 4), (greedy.Count(answer => answer.IsSuccessStatusCode), rest.Count(answer => answer.IsSuccessStatusCode)));
        Assert.Equal(2, Number(greedy.First(answer => answer.IsSuccessStatusCode), "RateLimit-Limit"));
    }

    [Fact]
    public async Task Probes_workers_and_strangers_are_not_counted()
    {
        var name = NewName();
        using var user = api.Gateway.NewClient(await AddKeyAsync(name, limit: 1));
        using var worker = api.Gateway.NewClient(await api.Gateway.AddKeyAsync(name, Scopes.Worker));
        using var forbidden = api.Gateway.NewClient(await api.Gateway.AddKeyAsync(name, Scopes.Worker));
        using var stranger = api.Gateway.NewClient("i2v_live_NOSUCHKY_" + new string('x', 43));

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await stranger.GetAsync("/health/live", Ct)).StatusCode);
            Assert.Equal(HttpStatusCode.Unauthorized, (await stranger.GetAsync("/v1/models", Ct)).StatusCode);
            Assert.Equal(HttpStatusCode.Forbidden, (await forbidden.GetAsync("/v1/models", Ct)).StatusCode);
            using var claim = await worker.PostAsync("/worker/v1/claims", ApiFixture.Json($$"""{"worker_id":"{{Guid.NewGuid()}}"}"""), Ct);
            Assert.NotEqual(HttpStatusCode.TooManyRequests, claim.StatusCode);
            Assert.False(claim.Headers.Contains("RateLimit-Limit"));
        }

        using var own = await user.GetAsync("/v1/models", Ct);
        Assert.Equal((HttpStatusCode.OK, 0), (own.StatusCode, Number(own, "RateLimit-Remaining")));
    }

    [Fact]
    public async Task A_tenant_without_a_limit_is_told_of_none()
    {
        using var answer = await api.Client.GetAsync("/v1/models", Ct);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.False(answer.Headers.Contains("RateLimit-Limit"));
    }

    [Fact]
    public async Task The_document_tells_the_headers_of_every_limited_call_and_of_no_other()
    {
        using var document = JsonDocument.Parse(await api.Client.GetStringAsync("/openapi.json", Ct));
        foreach (var path in document.RootElement.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var responses = operation.Value.GetProperty("responses");
                var told = responses.TryGetProperty("429", out var refused)
                    && refused.TryGetProperty("headers", out var headers)
                    && headers.TryGetProperty("RateLimit-Reset", out _) && headers.TryGetProperty("Retry-After", out _);
                Assert.True(told == path.Name.StartsWith("/v1/", StringComparison.Ordinal), $"{operation.Name} {path.Name}");
            }
        }
    }

    private static string NewName() => $"tenant-{Guid.NewGuid():N}";

    private static int Number(HttpResponseMessage answer, string header) => int.Parse(answer.Headers.GetValues(header).Single(), CultureInfo.InvariantCulture);

    private async Task<HttpClient> NewTenantAsync(int limit) => api.Gateway.NewClient(await AddKeyAsync(NewName(), limit));

    private async Task<string> AddKeyAsync(string tenant, int limit, TestGateway? gateway = null, int? keyLimit = null)
    {
        gateway ??= api.Gateway;
        var key = await gateway.AddKeyAsync(tenant, Scopes.JobsRead, Scopes.JobsWrite);
        await gateway.ScalarAsync<Guid>("update tenants set requests_per_minute = $2 where name = $1 returning id", tenant, limit);
        if (keyLimit is { } own)
        {
            await gateway.ScalarAsync<Guid>("update api_keys set requests_per_minute = $2 where prefix = $1 returning id", key[9..17], own);
        }

        return key;
    }

    /// <summary>Real time, and as much more as the test says.</summary>
    private sealed class AheadClock : TimeProvider
    {
        public TimeSpan Ahead { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;

        public override long GetTimestamp() => System.GetElapsedTime(0).Ticks + Ahead.Ticks;
    }
}
