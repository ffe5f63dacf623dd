using System.Security.Cryptography;
using I2V.Gateway.Scheduling;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>One request, one job; and no more waiting jobs than a tenant may have.</summary>
public sealed class SubmitTests : IAsyncLifetime
{
    private static readonly byte[] Hash = SHA256.HashData("this request"u8);
    private static readonly byte[] OtherHash = SHA256.HashData("another request"u8);

    private SchedulingLab lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => lab.DisposeAsync();

    [Fact]
    public async Task Sixty_four_concurrent_submits_under_one_key_make_one_job()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ =>
            lab.Transitions.SubmitAsync(lab.NewJob(), new IdempotencyClaim("key", Hash), Ct)));

        var created = Assert.Single(results.OfType<SubmitResult.Created>());
        Assert.All(results.Where(result => result != created), result => Assert.Equal(new SubmitResult.Replayed(created.JobId), result));
        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from jobs"));
        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from outbox"));
        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from job_events"));
    }

    [Fact]
    public async Task A_key_belongs_to_one_request_of_one_tenant()
    {
        var stranger = await lab.AddTenantAsync("stranger");
        var first = lab.NewJob();
        await lab.Transitions.SubmitAsync(first, new IdempotencyClaim("key", Hash), Ct);

        Assert.IsType<SubmitResult.KeyReused>(await lab.Transitions.SubmitAsync(lab.NewJob(), new IdempotencyClaim("key", OtherHash), Ct));
        Assert.Equal(new SubmitResult.Replayed(first.Id), await lab.Transitions.SubmitAsync(lab.NewJob(), new IdempotencyClaim("key", Hash), Ct));
        Assert.IsType<SubmitResult.Created>(await lab.Transitions.SubmitAsync(lab.NewJob(stranger), new IdempotencyClaim("key", Hash), Ct));
    }

    [Fact]
    public async Task A_key_of_yesterday_and_the_key_of_a_deleted_job_are_free_again()
    {
        var first = lab.NewJob();
        await lab.Transitions.SubmitAsync(first, new IdempotencyClaim("old", Hash), Ct);
        await lab.ExecuteAsync("update idempotency_keys set expires_at = clock_timestamp() - interval '1 second'");
        Assert.IsType<SubmitResult.Created>(await lab.Transitions.SubmitAsync(lab.NewJob(), new IdempotencyClaim("old", OtherHash), Ct));

        var second = lab.NewJob();
        await lab.Transitions.SubmitAsync(second, new IdempotencyClaim("deleted", Hash), Ct);
        await lab.Transitions.DeleteAsync(lab.Tenant, second.Id, Ct);
        Assert.IsType<SubmitResult.Created>(await lab.Transitions.SubmitAsync(lab.NewJob(), new IdempotencyClaim("deleted", Hash), Ct));
    }

    [Fact]
    public async Task A_tenants_queue_takes_exactly_what_it_may_hold_however_many_submit_at_once()
    {
        var tenant = await lab.AddTenantAsync("small", maxQueued: 5);

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => lab.Transitions.SubmitAsync(lab.NewJob(tenant), key: null, Ct)));

        Assert.Equal(5, results.OfType<SubmitResult.Created>().Count());
        Assert.All(results.Where(result => result is not SubmitResult.Created), result => Assert.Equal(new SubmitResult.QueueFull(5), result));
    }

    [Fact]
    public async Task A_full_queue_still_answers_a_repeated_request_with_its_job()
    {
        var tenant = await lab.AddTenantAsync("small", maxQueued: 1);
        var first = lab.NewJob(tenant);
        await lab.Transitions.SubmitAsync(first, new IdempotencyClaim("key", Hash), Ct);

        Assert.Equal(new SubmitResult.QueueFull(1), await lab.Transitions.SubmitAsync(lab.NewJob(tenant), key: null, Ct));
        Assert.Equal(
            new SubmitResult.Replayed(first.Id), await lab.Transitions.SubmitAsync(lab.NewJob(tenant), new IdempotencyClaim("key", Hash), Ct));
    }

    [Fact]
    public async Task A_job_that_was_not_started_in_time_expires_with_the_code_that_says_so()
    {
        var id = await lab.SubmitAsync(lab.NewJob() with { StartWithin = TimeSpan.FromMilliseconds(1) });
        var patient = await lab.SubmitAsync(lab.NewJob() with { StartWithin = TimeSpan.FromHours(1), CancelAfter = TimeSpan.FromHours(2) });

        await lab.ExecuteAsync("update jobs set start_deadline_at = clock_timestamp() - interval '1 second' where id = $1", id);
        Assert.Equal(1, await lab.Transitions.ExpireAsync(Ct));

        Assert.Equal("expired", await lab.StateAsync(id));
        Assert.Equal("start_timeout", await lab.ScalarAsync<string>("select error_code from jobs where id = $1", id));
        Assert.Equal("queued", await lab.StateAsync(patient));
    }
}
