using System.Net;
using I2V.Gateway.Access;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Jobs;

public sealed class ListAndTenantTests(ApiFixture api) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Routes => new()
    {
        { "GET", "" },
        { "GET", "/events" },
        { "GET", "/attempts" },
        { "GET", "/content" },
        { "POST", "/cancel" },
        { "DELETE", "" },
    };

    public async ValueTask InitializeAsync() => await api.EmptyAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Pages_hold_each_job_once_while_new_ones_arrive()
    {
        var old = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            old.Add((await api.SubmitAsync()).Id);
        }

        var first = await ListAsync("?limit=2");
        await api.SubmitAsync();
        var second = await ListAsync($"?limit=2&cursor={first.NextCursor}");
        var third = await ListAsync($"?limit=2&cursor={second.NextCursor}");

        old.Reverse();
        Assert.Equal(old, first.Data.Concat(second.Data).Concat(third.Data).Select(job => job.Id));
        Assert.Equal((true, true, false), (first.HasMore, second.HasMore, third.HasMore));
        Assert.Null(third.NextCursor);
        Assert.Equal(6, (await ListAsync("")).Data.Count);
    }

    [Fact]
    public async Task Lists_are_narrowed_by_status_model_and_tag()
    {
        var tagged = await api.SubmitAsync(("request", """{"tags":{"project":"lighthouse","who":"me"}}"""));
        var lab = await api.SubmitAsync(("model", "lab"));
        var canceled = await api.SubmitAsync();
        await api.Client.PostAsync($"/v1/jobs/{canceled.Id}/cancel", null, ct);

        Assert.Equal([canceled.Id], Ids(await ListAsync("?status=canceled")));
        Assert.Equal([canceled.Id, lab.Id, tagged.Id], Ids(await ListAsync("?status=queued,canceled")));
        Assert.Equal([lab.Id], Ids(await ListAsync("?model=lab")));
        Assert.Equal([tagged.Id], Ids(await ListAsync("?tag=project:lighthouse")));
        Assert.Equal([tagged.Id], Ids(await ListAsync("?tag=who")));
        Assert.Empty(Ids(await ListAsync("?tag=project:other")));
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=101")]
    [InlineData("limit=many")]
    [InlineData("cursor=abc")]
    [InlineData("cursor=%00")]
    [InlineData("status=sleeping")]
    [InlineData("tag=%00")]
    [InlineData("colour=red")]
    public async Task A_bad_query_is_400(string query)
    {
        using var response = await api.Client.GetAsync($"/v1/jobs?{query}", ct);

        var problem = await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        Assert.Equal("/" + query.Split('=')[0], Assert.Single(problem.Errors!).Pointer);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task Another_tenants_job_is_404_like_one_that_never_was(string method, string path)
    {
        var job = await api.SubmitAsync();
        using var stranger = await api.Gateway.NewTenantAsync($"stranger {method} {path}");

        foreach (var id in new[] { job.Id, JobId.Format(Guid.NewGuid()), "job_x", "..%2f..%2fetc" })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), $"/v1/jobs/{id}{path}");
            using var response = await stranger.SendAsync(request, ct);
            await ApiFixture.ProblemAsync(response, HttpStatusCode.NotFound, ErrorCode.NotFound);
        }

        Assert.Equal(JobStatus.Queued, (await api.GetAsync(job.Id)).Status);
    }

    [Fact]
    public async Task A_list_shows_the_tenants_own_jobs_only()
    {
        await api.SubmitAsync();
        using var stranger = await api.Gateway.NewTenantAsync("lister");

        Assert.Empty((await stranger.GetAsync("/v1/jobs", ct).ReadAsync<JobList>()).Data);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task A_wrong_key_is_401_and_a_missing_scope_403(string method, string path)
    {
        using var nobody = api.Gateway.NewClient(key: null);
        using var wrong = api.Gateway.NewClient(api.Gateway.ApiKey[..^1] + (api.Gateway.ApiKey[^1] == '0' ? '1' : '0'));
        using var worker = api.Gateway.NewClient(api.Gateway.WorkerKey);
        using var opposite = await api.Gateway.NewTenantAsync($"scopes {method} {path}", method == "GET" ? Scopes.JobsWrite : Scopes.JobsRead);
        var id = JobId.Format(Guid.NewGuid());

        foreach (var (client, status, code) in new[]
        {
            (nobody, HttpStatusCode.Unauthorized, ErrorCode.Unauthorized),
            (wrong, HttpStatusCode.Unauthorized, ErrorCode.Unauthorized),
            (worker, HttpStatusCode.Forbidden, ErrorCode.Forbidden),
            (opposite, HttpStatusCode.Forbidden, ErrorCode.Forbidden),
        })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), $"/v1/jobs/{id}{path}");
            using var response = await client.SendAsync(request, ct);
            await ApiFixture.ProblemAsync(response, status, code);
        }
    }

    private async Task<JobList> ListAsync(string query) => await api.Client.GetAsync($"/v1/jobs{query}", ct).ReadAsync<JobList>();

    private static IEnumerable<string> Ids(JobList list) => list.Data.Select(job => job.Id);
}
