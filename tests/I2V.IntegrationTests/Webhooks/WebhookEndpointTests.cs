using System.Net;
using I2V.Gateway.Access;
using I2V.IntegrationTests.Jobs;
using I2V.Protocol.Errors;
using I2V.Protocol.Webhooks;

namespace I2V.IntegrationTests.Webhooks;

public sealed class WebhookEndpointTests(ApiFixture api) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private const string Endpoints = "/v1/webhook-endpoints";

    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Routes => new()
    {
        { "GET", Endpoints + "/ENDPOINT" },
        { "PATCH", Endpoints + "/ENDPOINT" },
        { "DELETE", Endpoints + "/ENDPOINT" },
        { "POST", Endpoints + "/ENDPOINT/rotate" },
        { "POST", "/v1/webhook-deliveries/DELIVERY/redeliver" },
    };

    public async ValueTask InitializeAsync()
    {
        await api.EmptyAsync();
        await api.Gateway.ExecuteAsync("delete from webhook_endpoints");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_secret_is_shown_when_it_is_made_and_never_again()
    {
        using var response = await PostAsync("""{"url":"https://example.com/a","events":["job.failed"]}""");
        var created = await response.ReadAsync<WebhookEndpoint>();
        var rotated = await api.Client.PostAsync($"{Endpoints}/{created.Id}/rotate", null, ct).ReadAsync<WebhookEndpoint>();
        var text = await api.Client.GetStringAsync($"{Endpoints}/{created.Id}", ct) + await api.Client.GetStringAsync(Endpoints, ct);

        Assert.Equal((HttpStatusCode.Created, $"{Endpoints}/{created.Id}"), (response.StatusCode, response.Headers.Location!.OriginalString));
        Assert.Equal(32, Convert.FromBase64String(created.Secret!["whsec_".Length..]).Length);
        Assert.NotEqual(created.Secret, rotated.Secret);
        Assert.Equal(("https://example.com/a", "job.failed"), (created.Url, Assert.Single(created.Events)));
        Assert.DoesNotContain("whsec_", text, StringComparison.Ordinal);
        Assert.Contains("previous_secret_expires_at", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endpoints_are_listed_changed_and_removed()
    {
        var first = await (await PostAsync("""{"url":"https://example.com/a"}""")).ReadAsync<WebhookEndpoint>();
        var second = await (await PostAsync("""{"url":"https://example.com/b"}""")).ReadAsync<WebhookEndpoint>();
        var changed = await PatchAsync(first.Id, """{"url":"https://example.com/c","events":["job.expired"]}""").ReadAsync<WebhookEndpoint>();
        var disabled = await PatchAsync(first.Id, """{"disabled":true}""").ReadAsync<WebhookEndpoint>();
        var listed = await ListAsync();
        using var removed = await api.Client.DeleteAsync($"{Endpoints}/{first.Id}", ct);
        using var gone = await api.Client.DeleteAsync($"{Endpoints}/{first.Id}", ct);

        Assert.Equal(["job.succeeded", "job.failed", "job.canceled", "job.expired"], first.Events);
        Assert.Equal(("https://example.com/c", "job.expired"), (changed.Url, Assert.Single(changed.Events)));
        Assert.Equal((changed.Url, true), (disabled.Url, disabled.DisabledAt is not null));
        Assert.Equal([second.Id, first.Id], listed.Select(endpoint => endpoint.Id));
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        await ApiFixture.ProblemAsync(gone, HttpStatusCode.NotFound, ErrorCode.NotFound);
        Assert.Equal([second.Id], (await ListAsync()).Select(endpoint => endpoint.Id));
    }

    [Theory]
    [InlineData("""{}""", "/url")]
    [InlineData("""{"url":null}""", "/url")]
    [InlineData("""{"url":7}""", "/url")]
    [InlineData("""{"url":""}""", "/url")]
    [InlineData("""{"url":"http://example.com/"}""", "/url")]
    [InlineData("""{"url":"https://10.0.0.1/"}""", "/url")]
    [InlineData("""{"url":"https://example.com/","events":["job.started"]}""", "/events/0")]
    [InlineData("""{"url":"https://example.com/","events":{}}""", "/events")]
    [InlineData("""{"url":"https://example.com/","secret":"whsec_x"}""", "/secret")]
    [InlineData("""{"url":"https://example.com/","url":"https://example.com/"}""", "/url")]
    [InlineData("""["url"]""", "")]
    public async Task A_bad_endpoint_is_400_with_its_pointer(string body, string pointer)
    {
        using var response = await PostAsync(body);

        var problem = await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal(pointer, Assert.Single(problem.Errors!).Pointer);
        Assert.Empty(await ListAsync());
    }

    [Theory]
    [InlineData("""{}""", "")]
    [InlineData("""{"disabled":"yes"}""", "/disabled")]
    [InlineData("""{"url":"https://127.0.0.1/"}""", "/url")]
    [InlineData("""{"id":"whe_x"}""", "/id")]
    public async Task A_bad_change_is_400_and_changes_nothing(string body, string pointer)
    {
        var endpoint = await (await PostAsync("""{"url":"https://example.com/a"}""")).ReadAsync<WebhookEndpoint>();

        using var response = await PatchAsync(endpoint.Id, body);

        var problem = await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal(pointer, Assert.Single(problem.Errors!).Pointer);
        Assert.Equal("https://example.com/a", Assert.Single(await ListAsync()).Url);
    }

    [Fact]
    public async Task A_body_that_is_too_large_or_no_JSON_is_refused()
    {
        using var large = await PostAsync($$"""{"url":"https://example.com/{{new string('x', 70_000)}}"}""");
        using var text = await api.Client.PostAsync(Endpoints, new StringContent("url=x"), ct);

        await ApiFixture.ProblemAsync(large, HttpStatusCode.RequestEntityTooLarge, ErrorCode.PayloadTooLarge);
        await ApiFixture.ProblemAsync(text, HttpStatusCode.UnsupportedMediaType, ErrorCode.InvalidInput);
    }

    [Fact]
    public async Task A_tenant_has_sixteen_endpoints_at_most_even_when_it_asks_at_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => PostAsync("""{"url":"https://example.com/a"}""")));

        Assert.Equal(16, answers.Count(answer => answer.StatusCode == HttpStatusCode.Created));
        await ApiFixture.ProblemAsync(answers.First(answer => answer.StatusCode != HttpStatusCode.Created), HttpStatusCode.Conflict, ErrorCode.Conflict);
        Assert.Equal(16, (await ListAsync()).Count);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task What_belongs_to_another_tenant_is_404_like_what_never_was(string method, string route)
    {
        var (endpoint, delivery) = await MakeAsync();
        using var stranger = await api.Gateway.NewTenantAsync($"stranger {method} {route}");

        foreach (var (whose, which) in new[] { (endpoint, delivery), (WebhookIds.Endpoint(Guid.NewGuid()), WebhookIds.Delivery(Guid.NewGuid())), ("x", "x") })
        {
            using var response = await SendAsync(stranger, method, route, whose, which);
            await ApiFixture.ProblemAsync(response, HttpStatusCode.NotFound, ErrorCode.NotFound);
        }

        Assert.Empty((await stranger.GetAsync(Endpoints, ct).ReadAsync<WebhookEndpointList>()).Data);
        Assert.Empty((await stranger.GetAsync("/v1/webhook-deliveries", ct).ReadAsync<WebhookDeliveryList>()).Data);
        Assert.Equal(endpoint, Assert.Single(await ListAsync()).Id);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    [InlineData("GET", Endpoints)]
    [InlineData("POST", Endpoints)]
    [InlineData("POST", Endpoints + "/default/rotate")]
    [InlineData("GET", "/v1/webhook-deliveries")]
    public async Task A_missing_key_is_401_and_a_missing_scope_403(string method, string route)
    {
        using var nobody = api.Gateway.NewClient(key: null);
        using var worker = api.Gateway.NewClient(api.Gateway.WorkerKey);
        using var opposite = await api.Gateway.NewTenantAsync($"scopes {method} {route}", method == "GET" ? Scopes.JobsWrite : Scopes.JobsRead);
        foreach (var (client, status, code) in new[]
        {
            (nobody, HttpStatusCode.Unauthorized, ErrorCode.Unauthorized),
            (worker, HttpStatusCode.Forbidden, ErrorCode.Forbidden),
            (opposite, HttpStatusCode.Forbidden, ErrorCode.Forbidden),
        })
        {
            using var response = await SendAsync(client, method, route, WebhookIds.Endpoint(Guid.NewGuid()), WebhookIds.Delivery(Guid.NewGuid()));
            await ApiFixture.ProblemAsync(response, status, code);
        }
    }

    [Fact]
    public async Task Deliveries_are_paged_and_narrowed()
    {
        var (endpoint, _) = await MakeAsync();
        var jobs = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            jobs.Add(await CancelOneAsync());
        }

        var first = await DeliveriesAsync("?limit=2");
        await CancelOneAsync();
        var second = await DeliveriesAsync($"?limit=2&cursor={first.NextCursor}");
        var one = await DeliveriesAsync($"?job={jobs[1]}&endpoint={endpoint}");

        Assert.Equal((true, false), (first.HasMore, second.HasMore));
        Assert.Equal(4, first.Data.Concat(second.Data).Select(delivery => delivery.Id).Distinct().Count());
        Assert.Equal([jobs[2], jobs[1], jobs[0]], first.Data.Concat(second.Data).Select(delivery => delivery.JobId).Take(3));
        Assert.Equal(jobs[1], Assert.Single(one.Data).JobId);
        Assert.Empty((await DeliveriesAsync("?status=delivered")).Data);
        Assert.Empty((await DeliveriesAsync($"?endpoint={WebhookIds.Endpoint(Guid.NewGuid())}")).Data);
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("cursor=abc")]
    [InlineData("status=lost")]
    [InlineData("job=7")]
    [InlineData("endpoint=default")]
    [InlineData("colour=red")]
    public async Task A_bad_query_is_400(string query)
    {
        using var response = await api.Client.GetAsync($"/v1/webhook-deliveries?{query}", ct);

        var problem = await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal("/" + query.Split('=')[0], Assert.Single(problem.Errors!).Pointer);
    }

    [Fact]
    public async Task What_is_being_sent_is_not_sent_again_beside_that()
    {
        var (_, delivery) = await MakeAsync();
        await api.Gateway.ExecuteAsync("update webhook_deliveries set state = 'pending', finished_at = null, lease_token = gen_random_uuid(), next_at = clock_timestamp() + interval '1 hour'");

        using var refused = await api.Client.PostAsync($"/v1/webhook-deliveries/{delivery}/redeliver", null, ct);

        var problem = await ApiFixture.ProblemAsync(refused, HttpStatusCode.Conflict, ErrorCode.Conflict);
        Assert.Contains("at this moment", problem.Detail, StringComparison.Ordinal);
    }

    /// <summary>An endpoint that no name server knows, and a delivery to it.</summary>
    private async Task<(string Endpoint, string Delivery)> MakeAsync()
    {
        var endpoint = await (await PostAsync("""{"url":"https://receiver.invalid/"}""")).ReadAsync<WebhookEndpoint>();
        await CancelOneAsync();
        return (endpoint.Id, Assert.Single((await DeliveriesAsync("")).Data).Id);
    }

    private async Task<string> CancelOneAsync()
    {
        var job = await api.SubmitAsync();
        using var response = await api.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, ct);
        response.EnsureSuccessStatusCode();
        return job.Id;
    }

    private Task<HttpResponseMessage> SendAsync(HttpClient client, string method, string route, string endpoint, string delivery)
    {
        var path = route.Replace("ENDPOINT", endpoint, StringComparison.Ordinal).Replace("DELIVERY", delivery, StringComparison.Ordinal);
        return client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path) { Content = method is "PATCH" ? ApiFixture.Json("""{"disabled":true}""") : null }, ct);
    }

    private Task<HttpResponseMessage> PostAsync(string body) => api.Client.PostAsync(Endpoints, ApiFixture.Json(body), ct);

    private Task<HttpResponseMessage> PatchAsync(string id, string body) => api.Client.PatchAsync($"{Endpoints}/{id}", ApiFixture.Json(body), ct);

    private async Task<IReadOnlyList<WebhookEndpoint>> ListAsync() => (await api.Client.GetAsync(Endpoints, ct).ReadAsync<WebhookEndpointList>()).Data;

    private async Task<WebhookDeliveryList> DeliveriesAsync(string query) =>
        await api.Client.GetAsync($"/v1/webhook-deliveries{query}", ct).ReadAsync<WebhookDeliveryList>();
}
