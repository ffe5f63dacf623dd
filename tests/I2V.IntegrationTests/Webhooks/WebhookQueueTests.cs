using I2V.Gateway.Scheduling;
using I2V.Gateway.Webhooks;
using I2V.IntegrationTests.Scheduling;
using I2V.Protocol.Errors;
using I2V.Protocol.Webhooks;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.IntegrationTests.Webhooks;

/// <summary>Deliveries in the database: made with what they tell, and taken by one gateway at a time.</summary>
public sealed class WebhookQueueTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_ends_a_job_adds_one_delivery_for_each_receiver_that_wants_to_know()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        var endpoints = new WebhookEndpoints(lab.Database, TimeProvider.System);
        await endpoints.CreateAsync(lab.Tenant, "https://a.example/", WebhookEvents.All, Ct);
        await endpoints.CreateAsync(lab.Tenant, "https://b.example/", ["job.failed"], Ct);
        await endpoints.CreateAsync(await lab.AddTenantAsync("other"), "https://c.example/", WebhookEvents.All, Ct);
        await endpoints.RotateDefaultAsync(lab.Tenant, Ct);

        await lab.Transitions.CompleteAsync(await lab.RunAsync(), Samples.Result(), Ct);
        await lab.Transitions.FailAsync(await lab.RunAsync(), ErrorCode.ImageUnreadable, "It is no picture.", Ct);
        await lab.Transitions.CancelAsync(lab.Tenant, await lab.SubmitAsync(), Ct);
        await lab.SubmitAsync(lab.NewJob() with { StartWithin = TimeSpan.FromMilliseconds(-1) });
        await lab.Transitions.ExpireAsync(Ct);
        await lab.Transitions.FailAsync(await lab.RunAsync(), ErrorCode.InferenceFailed, "There is another attempt.", Ct);

        Assert.Equal(
            ["https://a.example/ job.canceled", "https://a.example/ job.expired", "https://a.example/ job.failed", "https://a.example/ job.succeeded", "https://b.example/ job.failed"],
            await lab.ScalarAsync<string[]>(
                """select array_agg(e.url || ' ' || d.event order by e.url collate "C", d.event collate "C") from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id"""));
        Assert.Equal(5L, await lab.ScalarAsync<long>("select count(*) from webhook_deliveries"));
    }

    [Fact]
    public async Task An_end_that_is_rolled_back_tells_nobody()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        await AddEndpointAsync(lab);
        var job = await lab.SubmitAsync();
        await using (var connection = await lab.Database.OpenConnectionAsync(Ct))
        {
            await using var transaction = await connection.BeginTransactionAsync(Ct);
            await using var cancel = new NpgsqlCommand(TransitionSql.Cancel, connection);
            cancel.Parameters.Uuid(job).Uuid(lab.Tenant);
            Assert.Equal(false, await cancel.ExecuteScalarAsync(Ct));
            await using var count = new NpgsqlCommand("select count(*) from webhook_deliveries", connection);
            Assert.Equal(1L, await count.ExecuteScalarAsync(Ct));
            await transaction.RollbackAsync(Ct);
        }

        Assert.Equal("queued", await lab.StateAsync(job));
        Assert.Equal(0L, await lab.ScalarAsync<long>("select count(*) from webhook_deliveries"));
    }

    [Fact]
    public async Task An_endpoint_that_is_being_removed_does_not_fail_the_end_of_a_job()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        await AddEndpointAsync(lab);
        var job = await lab.SubmitAsync();
        await using var connection = await lab.Database.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        await using var remove = new NpgsqlCommand("delete from webhook_endpoints", connection);
        Assert.Equal(1, await remove.ExecuteNonQueryAsync(Ct));

        var canceling = lab.Transitions.CancelAsync(lab.Tenant, job, Ct);
        await Worker.Wait.UntilAsync(
            async () => await lab.ScalarAsync<bool>("select exists (select from pg_locks where not granted)"), () => "The cancel did not wait for the removal.");
        await transaction.CommitAsync(Ct);

        Assert.Equal(CancelResult.Canceled, await canceling);
        Assert.Equal(0L, await lab.ScalarAsync<long>("select count(*) from webhook_deliveries"));
    }

    [Fact]
    public async Task A_claimed_delivery_is_nobody_elses_until_its_gateway_falls_silent()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        await AddEndpointAsync(lab);
        await lab.Transitions.CancelAsync(lab.Tenant, await lab.SubmitAsync(), Ct);
        var (dying, other) = (Deliveries(lab), Deliveries(lab));

        var first = Assert.Single(await dying.ClaimAsync(10, Ct));
        Assert.Empty(await other.ClaimAsync(10, Ct));
        await lab.ExecuteAsync("update webhook_deliveries set next_at = clock_timestamp()");
        var second = Assert.Single(await other.ClaimAsync(10, Ct));
        var late = await dying.FinishAsync(first, new Verdict("failed", Attempt: null), Ct);
        var right = await other.FinishAsync(second, new Verdict("delivered", Attempt(200)), Ct);
        var twice = await other.FinishAsync(second, new Verdict("failed", Attempt(500)), Ct);

        Assert.Equal((first.Id, first.Tries), (second.Id, second.Tries));
        Assert.NotEqual(first.Lease, second.Lease);
        Assert.Equal((false, true, false), (late, right, twice));
        Assert.Equal("delivered 1 1", await lab.ScalarAsync<string>("select state || ' ' || tries || ' ' || jsonb_array_length(attempts) from webhook_deliveries"));
    }

    [Fact]
    public async Task Gateways_that_claim_at_once_share_what_is_due()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        for (var i = 0; i < 6; i++)
        {
            var tenant = await lab.AddTenantAsync($"tenant {i}");
            await AddEndpointAsync(lab, tenant);
            for (var j = 0; j < 5; j++)
            {
                await lab.Transitions.CancelAsync(tenant, await lab.SubmitAsync(lab.NewJob(tenant)), Ct);
            }
        }

        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Deliveries(lab).ClaimAsync(10, Ct)));
        var rest = await Deliveries(lab).ClaimAsync(100, Ct);

        var ids = claims.SelectMany(claim => claim).Concat(rest).Select(delivery => delivery.Id).ToArray();
        Assert.Equal(30, ids.Length);
        Assert.Equal(30, ids.Distinct().Count());
    }

    [Fact]
    public async Task One_tenant_cannot_take_every_sender()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        var small = await lab.AddTenantAsync("small");
        await AddEndpointAsync(lab);
        await AddEndpointAsync(lab, small);
        for (var i = 0; i < 12; i++)
        {
            await lab.Transitions.CancelAsync(lab.Tenant, await lab.SubmitAsync(), Ct);
        }

        await lab.Transitions.CancelAsync(small, await lab.SubmitAsync(lab.NewJob(small)), Ct);

        var claimed = await Deliveries(lab).ClaimAsync(32, Ct);
        Assert.Equal(8, claimed.Count(delivery => delivery.TenantId == lab.Tenant));
        Assert.Single(claimed, delivery => delivery.TenantId == small);
        Assert.Empty(await Deliveries(lab).ClaimAsync(32, Ct));
        await Deliveries(lab).FinishAsync(claimed.First(delivery => delivery.TenantId == lab.Tenant), new Verdict("delivered", Attempt(200)), Ct);
        Assert.Equal(lab.Tenant, Assert.Single(await Deliveries(lab).ClaimAsync(32, Ct)).TenantId);
    }

    [Fact]
    public async Task What_waits_for_an_endpoint_ends_when_it_is_gone_and_the_log_keeps_fifty_attempts()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        await AddEndpointAsync(lab);
        await lab.Transitions.CancelAsync(lab.Tenant, await lab.SubmitAsync(), Ct);
        var log = Deliveries(lab);
        for (var i = 1; i <= 51; i++)
        {
            var due = Assert.Single(await log.ClaimAsync(1, Ct));
            await log.FinishAsync(due, new Verdict("pending", Attempt(i)), Ct);
        }

        var attempts = Assert.Single(await log.ListAsync(lab.Tenant, new DeliveryFilter(null, null, null, null), 2, Ct)).Attempts;
        Assert.Equal(Enumerable.Range(2, 50), attempts.Select(attempt => attempt.StatusCode!.Value));

        await lab.Transitions.CancelAsync(lab.Tenant, await lab.SubmitAsync(), Ct);
        var gone = (await log.ClaimAsync(1, Ct))[0];
        await log.FinishAsync(gone, new Verdict("failed", Attempt(410), Disable: "Gone."), Ct);

        Assert.Equal(["failed", "failed"], await lab.ScalarAsync<string[]>("select array_agg(state) from webhook_deliveries"));
        Assert.Equal("Gone.", await lab.ScalarAsync<string>("select disabled_reason from webhook_endpoints"));
    }

    [Fact]
    public async Task Deliveries_go_with_their_job()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        await AddEndpointAsync(lab);
        var job = await lab.SubmitAsync();
        await lab.Transitions.CancelAsync(lab.Tenant, job, Ct);
        var due = Assert.Single(await Deliveries(lab).ClaimAsync(1, Ct));

        await lab.Transitions.DeleteAsync(lab.Tenant, job, Ct);

        Assert.Equal(0L, await lab.ScalarAsync<long>("select count(*) from webhook_deliveries"));
        Assert.False(await Deliveries(lab).FinishAsync(due, new Verdict("delivered", Attempt(200)), Ct));
    }

    private static WebhookDeliveries Deliveries(SchedulingLab lab) => new(lab.Database, Options.Create(new WebhookOptions()));

    private static Task<WebhookEndpoint?> AddEndpointAsync(SchedulingLab lab, Guid? tenant = null) =>
        new WebhookEndpoints(lab.Database, TimeProvider.System).CreateAsync(tenant ?? lab.Tenant, "https://a.example/", WebhookEvents.All, Ct);

    private static WebhookAttempt Attempt(int status) => new() { At = DateTimeOffset.UnixEpoch, DurationSeconds = 0.1, StatusCode = status };
}
