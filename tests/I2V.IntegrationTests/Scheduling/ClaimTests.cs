using System.Collections.Concurrent;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Which job a worker gets, alone and in a crowd.</summary>
public sealed class ClaimTests : IAsyncLifetime
{
    private SchedulingLab lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => lab.DisposeAsync();

    [Fact]
    public async Task Sixteen_workers_that_claim_at_once_never_get_the_same_job()
    {
        const int jobs = 160;
        for (var i = 0; i < jobs; i++)
        {
            await lab.SubmitAsync();
        }

        var claimed = new ConcurrentBag<Guid>();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            var worker = await lab.AddWorkerAsync();
            while (await lab.TryClaimAsync(worker) is { } job)
            {
                claimed.Add(job.Lease.JobId);
                Assert.NotNull(await lab.Transitions.CompleteAsync(job.Lease, Samples.Result(), Ct));
            }
        }));

        Assert.Equal(jobs, claimed.Count);
        Assert.Equal(jobs, claimed.Distinct().Count());
        Assert.Equal(jobs, await lab.ScalarAsync<long>("select count(*) from jobs where state = 'succeeded' and attempt = 1"));
        Assert.Equal(jobs, await lab.ScalarAsync<long>("select count(*) from job_attempts"));
    }

    [Fact]
    public async Task Eight_claimers_of_one_tenant_all_get_a_job_when_there_are_eight()
    {
        Guid[] workers = [.. await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lab.AddWorkerAsync()))];
        for (var i = 0; i < workers.Length; i++)
        {
            await lab.SubmitAsync();
        }

        var claims = await Task.WhenAll(workers.Select(worker => lab.TryClaimAsync(worker)));

        Assert.All(claims, Assert.NotNull);
    }

    [Fact]
    public async Task A_tenants_cap_of_three_is_never_exceeded_by_eight_claimers()
    {
        var tenant = await lab.AddTenantAsync("capped", maxRunning: 3);
        for (var i = 0; i < 60; i++)
        {
            await lab.SubmitAsync(lab.NewJob(tenant));
        }

        // All at once: three get one, whatever the others see while they wait for the tenant's lock.
        Guid[] workers = [.. await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lab.AddWorkerAsync()))];
        var first = await Task.WhenAll(workers.Select(worker => lab.TryClaimAsync(worker)));
        Assert.Equal(3, first.Count(job => job is not null));

        // And while jobs end and begin all the time.
        var left = 60;
        await Task.WhenAll(workers.Zip(first).Select(async pair =>
        {
            var (worker, job) = pair;
            while (Volatile.Read(ref left) > 0)
            {
                if (job is not null)
                {
                    await lab.Transitions.CompleteAsync(job.Lease, Samples.Result(), Ct);
                    Interlocked.Decrement(ref left);
                }

                job = await lab.TryClaimAsync(worker);
            }
        }));

        // An attempt ends before its slot can be seen to be free, so that attempts that overlap ran at the same time.
        var most = await lab.ScalarAsync<long>(
            """
            select max((select count(*) from job_attempts b where b.started_at <= a.started_at and b.ended_at > a.started_at))
            from job_attempts a
            """);
        Assert.Equal(3, most);
    }

    [Fact]
    public async Task The_highest_priority_goes_first_then_the_longest_wait()
    {
        var low = await lab.SubmitAsync(lab.NewJob(priority: -10));
        var first = await lab.SubmitAsync();
        var second = await lab.SubmitAsync();
        var high = await lab.SubmitAsync(lab.NewJob(priority: 10));

        Assert.Equal([high, first, second, low], await ClaimAllAsync(await lab.AddWorkerAsync()));
    }

    [Fact]
    public async Task Tenants_share_by_weight_whatever_the_length_of_their_queues()
    {
        var light = await lab.AddTenantAsync("light", weight: 1);
        var heavy = await lab.AddTenantAsync("heavy", weight: 3);
        for (var i = 0; i < 20; i++)
        {
            await lab.SubmitAsync(lab.NewJob(light));
        }

        for (var i = 0; i < 9; i++)
        {
            await lab.SubmitAsync(lab.NewJob(heavy));
        }

        for (var i = 0; i < 8; i++)
        {
            await lab.ClaimAsync(await lab.AddWorkerAsync());
        }

        Assert.Equal(6, await lab.ScalarAsync<long>("select count(*) from jobs where tenant_id = $1 and state = 'running'", heavy));
        Assert.Equal(2, await lab.ScalarAsync<long>("select count(*) from jobs where tenant_id = $1 and state = 'running'", light));
    }

    [Fact]
    public async Task A_loaded_model_wins_over_a_job_that_is_a_little_older_and_not_over_one_that_is_much_older()
    {
        var worker = await lab.AddWorkerAsync(device: null, "warm", "cold");
        var old = await lab.SubmitAsync(lab.NewJob(model: "cold"));
        var young = await lab.SubmitAsync(lab.NewJob(model: "warm"));

        var first = await lab.ClaimAsync(worker, warm: "warm");
        Assert.Equal(young, first.Lease.JobId);

        await lab.Transitions.ReleaseAsync(first.Lease, "Try again.", Ct);
        await lab.ExecuteAsync("update jobs set created_at = created_at - interval '1 minute' where id = $1", old);
        Assert.Equal(old, (await lab.ClaimAsync(worker, warm: "warm")).Lease.JobId);
    }

    [Fact]
    public async Task A_worker_gets_only_jobs_of_lanes_that_it_serves()
    {
        await lab.SubmitAsync(lab.NewJob(model: "another"));

        Assert.Null(await lab.TryClaimAsync(await lab.AddWorkerAsync()));
        Assert.NotNull(await lab.TryClaimAsync(await lab.AddWorkerAsync(device: null, "another")));
    }

    [Fact]
    public async Task A_claim_whose_answer_was_lost_is_answered_with_the_same_lease()
    {
        var worker = await lab.AddWorkerAsync();
        await lab.SubmitAsync();
        await lab.SubmitAsync();

        var first = await lab.ClaimAsync(worker);
        var again = await lab.ClaimAsync(worker);

        Assert.Equal(first.Lease, again.Lease);
        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from jobs where state = 'running'"));
    }

    [Fact]
    public async Task A_worker_that_asks_for_work_has_given_up_the_job_that_it_had_begun()
    {
        var worker = await lab.AddWorkerAsync();
        var begun = await lab.SubmitAsync();
        var next = await lab.SubmitAsync();
        var lease = (await lab.ClaimAsync(worker)).Lease;
        Assert.NotNull(await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Loading }, plan: null, Ct));

        Assert.Equal(next, (await lab.ClaimAsync(worker)).Lease.JobId);

        Assert.Equal("queued", await lab.StateAsync(begun));
        Assert.Null(await lab.Transitions.HeartbeatAsync(lease, progress: null, plan: null, Ct));
    }

    [Fact]
    public async Task A_worker_that_nobody_knows_or_that_was_replaced_gets_nothing()
    {
        await lab.SubmitAsync();
        var replaced = await lab.AddWorkerAsync("gpu-0");
        await lab.AddWorkerAsync("gpu-0");

        Assert.IsType<ClaimResult.UnknownWorker>(await lab.Transitions.ClaimAsync(new Claimant(replaced, null, null), Ct));
        Assert.IsType<ClaimResult.UnknownWorker>(await lab.Transitions.ClaimAsync(new Claimant(Guid.NewGuid(), null, null), Ct));
    }

    [Fact]
    public async Task A_job_that_waits_for_its_next_attempt_is_not_given_out_before_its_time()
    {
        var lease = await lab.RunAsync();
        await lab.Transitions.FailAsync(lease, ErrorCode.InferenceFailed, "The card was lost.", Ct);
        var worker = await lab.AddWorkerAsync();

        Assert.Null(await lab.TryClaimAsync(worker));

        await lab.MakeDueAsync(lease.JobId);
        Assert.Equal(2, (await lab.ClaimAsync(worker)).Lease.Attempt);
    }

    private async Task<List<Guid>> ClaimAllAsync(Guid worker)
    {
        List<Guid> order = [];
        while (await lab.TryClaimAsync(worker) is { } job)
        {
            order.Add(job.Lease.JobId);
            await lab.Transitions.CompleteAsync(job.Lease, Samples.Result(), Ct);
        }

        return order;
    }
}
