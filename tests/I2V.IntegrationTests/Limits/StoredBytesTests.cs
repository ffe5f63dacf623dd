using System.Net;
using I2V.Gateway.Access;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Retention;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Limits;

/// <summary>How much a tenant may keep stored.</summary>
public sealed class StoredBytesTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tenant_without_room_is_refused_and_nothing_is_kept()
    {
        using var client = await NewTenantAsync("crammed", maxBytes: 10);
        var before = await api.Gateway.LeftoversAsync();

        using var refused = await client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), Ct);

        var problem = await ApiFixture.ProblemAsync(refused, HttpStatusCode.TooManyRequests, ErrorCode.QueueFull);
        Assert.Contains("you may keep 10", problem.Detail, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromMinutes(1), refused.Headers.RetryAfter!.Delta);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
    }

    [Fact]
    public async Task Submits_at_once_never_store_more_than_there_is_room_for()
    {
        var picture = await PictureBytesAsync();
        using var client = await NewTenantAsync("narrow", maxBytes: (picture * 3) + (picture / 2));

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), Ct)));
        var accepted = answers.Count(answer => answer.StatusCode == HttpStatusCode.Accepted);
        Assert.InRange(accepted, 0, 3);

        for (; accepted < 3; accepted++)
        {
            await ApiFixture.SubmitAsync(client);
        }

        using var tooMany = await client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), Ct);
        await ApiFixture.ProblemAsync(tooMany, HttpStatusCode.TooManyRequests, ErrorCode.QueueFull);
        Assert.Equal(3 * picture, await StoredAsync("narrow"));
    }

    [Fact]
    public async Task Films_count_and_room_comes_back_when_a_job_is_deleted_or_its_files_are_gone()
    {
        await api.EmptyAsync();
        var film = await api.MakeFilmAsync();
        var files = film.Output!.Video!.Bytes + film.Output.Poster!.Bytes;
        var picture = await PictureBytesAsync();
        Assert.Equal(files + picture, await api.Gateway.ScalarAsync<long>("select stored_bytes from jobs where id = $1", SweepLab.Id(film.Id)));

        using var client = await NewTenantAsync("tidy", maxBytes: picture);
        var first = await ApiFixture.SubmitAsync(client);
        using var full = await client.PostAsync("/v1/jobs", ApiFixture.Form(ApiFixture.Photo), Ct);
        using var deleted = await client.DeleteAsync($"/v1/jobs/{first.Id}", Ct);
        var second = await ApiFixture.SubmitAsync(client);
        await client.PostAsync($"/v1/jobs/{second.Id}/cancel", null, Ct);
        await api.Gateway.ScalarAsync<Guid>("update jobs set files_gone_at = clock_timestamp() where id = $1 returning id", SweepLab.Id(second.Id));

        Assert.Equal(HttpStatusCode.TooManyRequests, full.StatusCode);
        Assert.Equal(JobStatus.Queued, (await ApiFixture.SubmitAsync(client)).Status);
    }

    private async Task<long> PictureBytesAsync()
    {
        var job = await api.SubmitAsync();
        var bytes = await api.Gateway.ScalarAsync<long>("select input_bytes from jobs where id = $1", SweepLab.Id(job.Id));
        using var deleted = await api.Client.DeleteAsync($"/v1/jobs/{job.Id}", Ct);
        return bytes;
    }

    private Task<long> StoredAsync(string tenant) => api.Gateway.ScalarAsync<long>(
        "select sum(stored_bytes)::bigint from jobs j join tenants t on t.id = j.tenant_id where t.name = $1", tenant);

    private async Task<HttpClient> NewTenantAsync(string name, long maxBytes)
    {
        var client = api.Gateway.NewClient(await api.Gateway.AddKeyAsync(name, Scopes.JobsRead, Scopes.JobsWrite));
        await api.Gateway.ScalarAsync<Guid>("update tenants set max_bytes = $2 where name = $1 returning id", name, maxBytes);
        return client;
    }
}
