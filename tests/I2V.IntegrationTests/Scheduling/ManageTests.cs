using I2V.Gateway.Scheduling;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Jobs that are kept back, lanes that are closed and workers that are sent home, alone and against claims.</summary>
public sealed class ManageTests : IAsyncLifetime
{
    private static readonly string Lane = Lanes.ForModel(SchedulingLab.Model);

    private SchedulingLab lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => lab.DisposeAsync();

    [Fact]
    public async Task A_hold_and_a_claim_that_race_for_a_job_never_both_get_it()
    {
        const int jobs = 120;
        var waiting = new List<Guid>();
        for (var i = 0; i < jobs; i++)
        {
            waiting.Add(await lab.SubmitAsync());
        }

        // Claims come from the oldest on, holds from the youngest: they meet in the middle, several at once on either side.
        Guid[] workers = [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => lab.AddWorkerAsync()))];
        var claimed = Task.WhenAll(workers.Select(ClaimAllAsync));
        var held = Task.WhenAll(Enumerable.Range(0, 4).Select(share => HoldAllAsync(waiting.AsEnumerable().Reverse().Where((_, i) => i % 4 == share))));
        HashSet<Guid> ran = [.. (await claimed).SelectMany(ids => ids)];
        var answers = (await held).SelectMany(all => all).ToDictionary(pair => pair.Job, pair => pair.Answer);

        Assert.NotEmpty(ran);
        Assert.Contains(new ChangeResult.Changed(), answers.Values);
        foreach (var job in waiting)
        {
            var wasHeld = answers[job] is ChangeResult.Changed;
            Assert.NotEqual(wasHeld, ran.Contains(job));
            Assert.Equal(wasHeld ? "held" : "succeeded", await lab.StateAsync(job));
            Assert.True(wasHeld || answers[job] is ChangeResult.Refused { State: "running" or "succeeded" }, $"{answers[job]}");
        }
    }

    [Fact]
    public async Task A_held_job_is_not_claimed_and_goes_on_where_it_stood_when_it_is_let_go()
    {
        var worker = await lab.AddWorkerAsync();
        var first = await lab.SubmitAsync();
        var second = await lab.SubmitAsync();
        await ChangeAsync(first, new JobChange(Hold: true));
        await lab.ExecuteAsync("delete from outbox");

        Assert.Equal(second, (await lab.ClaimAsync(worker)).Lease.JobId);
        var third = await lab.SubmitAsync();
        await lab.ExecuteAsync("delete from outbox");
        await ChangeAsync(first, new JobChange(Hold: false));
        await ChangeAsync(first, new JobChange(Hold: false)); // says nothing new

        Assert.Equal(["job.queued", "job.queued", "job.queued"], await lab.EventsAsync(first));
        Assert.Equal("held", await lab.ScalarAsync<string>("select data ->> 'status' from job_events where job_id = $1 and seq = 2", first));
        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from outbox where lane = $1", Lane));
        Assert.Equal(first, (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease.JobId);
        Assert.Equal(third, (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease.JobId);
    }

    [Fact]
    public async Task A_job_that_waits_for_its_next_attempt_waits_on_when_it_was_held_meanwhile()
    {
        var lease = await lab.RunAsync();
        await lab.Transitions.FailAsync(lease, "inference_failed", "The card was lost.", Ct);
        await ChangeAsync(lease.JobId, new JobChange(Hold: true));
        await ChangeAsync(lease.JobId, new JobChange(Hold: false));

        Assert.Equal("retrying", await lab.ScalarAsync<string>("select status_reason from jobs where id = $1", lease.JobId));
        Assert.Null(await lab.TryClaimAsync(await lab.AddWorkerAsync()));
        await lab.MakeDueAsync(lease.JobId);
        Assert.Equal(2, (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease.Attempt);
    }

    [Fact]
    public async Task Held_jobs_count_against_what_a_tenant_may_have_waiting()
    {
        var tenant = await lab.AddTenantAsync("small", maxQueued: 2);
        var held = await lab.SubmitAsync(lab.NewJob(tenant));
        Assert.IsType<ChangeResult.Changed>(await lab.Transitions.ChangeAsync(tenant, held, new JobChange(Hold: true), Ct));
        await lab.SubmitAsync(lab.NewJob(tenant));

        Assert.Equal(new SubmitResult.QueueFull(2), await lab.Transitions.SubmitAsync(lab.NewJob(tenant), key: null, Ct));
    }

    [Fact]
    public async Task A_priority_counts_from_the_next_claim_on_and_a_refused_change_changes_nothing_of_it()
    {
        var first = await lab.SubmitAsync();
        var second = await lab.SubmitAsync();
        await ChangeAsync(second, new JobChange(Priority: 5));
        Assert.Equal(second, (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease.JobId);

        var before = await lab.EverythingAsync(second);
        var tags = new Dictionary<string, string> { ["a"] = "b" };
        Assert.Equal(new ChangeResult.Refused("running"), await lab.Transitions.ChangeAsync(lab.Tenant, second, new JobChange(1, tags), Ct));
        Assert.Equal(new ChangeResult.Refused("running"), await lab.Transitions.ChangeAsync(lab.Tenant, second, new JobChange(Tags: tags, Hold: true), Ct));
        Assert.Equal(before, await lab.EverythingAsync(second));

        await ChangeAsync(second, new JobChange(Tags: tags)); // labels are the user's at any time
        Assert.Equal("""{"a": "b"}""", await lab.ScalarAsync<string>("select tags::text from jobs where id = $1", second));
        Assert.Equal("queued", await lab.StateAsync(first));
    }

    [Fact]
    public async Task Nothing_of_a_lane_starts_after_it_was_paused_and_everything_does_after_it_was_resumed()
    {
        const int jobs = 160;
        for (var i = 0; i < jobs; i++)
        {
            await lab.SubmitAsync();
        }

        Guid[] workers = [.. await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lab.AddWorkerAsync()))];
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var claimed = 0;
        var before = Task.WhenAll(workers.Select(worker => ClaimAllAsync(worker, () => Interlocked.Increment(ref claimed) == 16, enough)));
        await enough.Task;
        await lab.Transitions.PauseLaneAsync(Lane, Ct);
        var started = await AttemptsAsync();
        await before;

        Assert.InRange(started, 16, jobs - 1);
        Assert.Equal(started, await AttemptsAsync());
        Assert.All(await Task.WhenAll(workers.Select(worker => lab.TryClaimAsync(worker))), Assert.Null);

        await lab.Transitions.ResumeLaneAsync(Lane, Ct);
        await Task.WhenAll(workers.Select(ClaimAllAsync));
        Assert.Equal(jobs, await lab.ScalarAsync<long>("select count(*) from jobs where state = 'succeeded' and attempt = 1"));
    }

    [Fact]
    public async Task A_pause_waits_for_the_claims_that_still_saw_the_lane_open()
    {
        await lab.SubmitAsync();
        await using var connection = await lab.Database.OpenConnectionAsync(Ct);
        await using var claim = await connection.BeginTransactionAsync(Ct);
        await using (var share = new Npgsql.NpgsqlCommand(TransitionSql.ShareLanes, connection))
        {
            await share.ExecuteNonQueryAsync(Ct);
        }

        var pausing = lab.Transitions.PauseLaneAsync(Lane, Ct);
        await WaitForWaiterAsync(pausing);
        Assert.False(pausing.IsCompleted);
        await claim.CommitAsync(Ct);
        await pausing;

        Assert.Null(await lab.TryClaimAsync(await lab.AddWorkerAsync()));
    }

    [Fact]
    public async Task A_paused_lane_gets_no_tickets_and_a_resumed_one_as_many_as_it_has_workers_for()
    {
        await lab.AddWorkerAsync();
        await lab.AddWorkerAsync();
        for (var i = 0; i < 5; i++)
        {
            await lab.SubmitAsync();
        }

        await lab.Transitions.PauseLaneAsync(Lane, Ct);
        await lab.ExecuteAsync("delete from outbox");
        await lab.ExecuteAsync("update jobs set ticketed_at = clock_timestamp() - interval '2 minutes', available_at = clock_timestamp() - interval '2 minutes'");
        Assert.Equal(0, await lab.Transitions.ReticketAsync(Ct));

        await lab.Transitions.ResumeLaneAsync(Lane, Ct);
        Assert.Equal(2, await lab.ScalarAsync<long>("select count(*) from outbox where lane = $1", Lane));
        await lab.Transitions.ResumeLaneAsync(Lane, Ct); // says nothing new
        Assert.Equal(2, await lab.ScalarAsync<long>("select count(*) from outbox"));
    }

    [Fact]
    public async Task Other_lanes_of_a_worker_stay_open_and_an_unknown_lane_cannot_be_paused()
    {
        var worker = await lab.AddWorkerAsync(device: null, SchedulingLab.Model, "other");
        await lab.SubmitAsync();
        var other = await lab.SubmitAsync(lab.NewJob(model: "other"));
        await lab.Transitions.PauseLaneAsync(Lane, Ct);
        await lab.Transitions.PauseLaneAsync("i2v.lane.mistyped", Ct);

        Assert.Equal(other, (await lab.ClaimAsync(worker)).Lease.JobId);
        Assert.Equal([Lane], await lab.ScalarAsync<string[]>("select array_agg(lane) from paused_lanes"));
    }

    [Fact]
    public async Task A_worker_starts_nothing_after_it_was_asked_to_drain_and_finishes_what_it_has()
    {
        const int jobs = 60;
        for (var i = 0; i < jobs; i++)
        {
            await lab.SubmitAsync();
        }

        var worker = await lab.AddWorkerAsync();
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var claimed = 0;
        var claiming = ClaimAllAsync(worker, () => Interlocked.Increment(ref claimed) == 8, enough);
        await enough.Task;
        await lab.Transitions.DrainWorkerAsync(worker, Ct);
        var started = await AttemptsAsync();
        await claiming;

        Assert.InRange(started, 8, jobs - 1);
        Assert.Equal(started, await AttemptsAsync());
        Assert.Equal(started, await lab.ScalarAsync<long>("select count(*) from jobs where state = 'succeeded'"));
        Assert.NotNull(await lab.TryClaimAsync(await lab.AddWorkerAsync()));

        await lab.ExecuteAsync("delete from outbox");
        await lab.Transitions.ResumeWorkerAsync(worker, Ct);
        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from outbox where lane = $1", Lane));
        Assert.NotNull(await lab.TryClaimAsync(worker));
    }

    [Fact]
    public async Task A_draining_worker_hears_of_it_with_its_jobs_heartbeats_and_gets_a_lost_answer_again()
    {
        var job = await lab.SubmitAsync();
        var worker = await lab.AddWorkerAsync();
        var lease = (await lab.ClaimAsync(worker)).Lease;
        await lab.Transitions.DrainWorkerAsync(worker, Ct);

        // The answer to its claim was lost: the job is its own all the same.
        Assert.Equal(lease, (await lab.ClaimAsync(worker)).Lease);
        Assert.True((await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Loading }, plan: null, Ct))!.DrainRequested);
        await lab.Transitions.ResumeWorkerAsync(worker, Ct);
        Assert.False((await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Denoising }, plan: null, Ct))!.DrainRequested);
        Assert.NotNull(await lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct));
        Assert.Equal("succeeded", await lab.StateAsync(job));
    }

    private async Task ChangeAsync(Guid job, JobChange change) =>
        Assert.Equal(new ChangeResult.Changed(), await lab.Transitions.ChangeAsync(lab.Tenant, job, change, Ct));

    private Task<long> AttemptsAsync() => lab.ScalarAsync<long>("select count(*) from job_attempts");

    private async Task<List<(Guid Job, ChangeResult Answer)>> HoldAllAsync(IEnumerable<Guid> jobs)
    {
        var answers = new List<(Guid, ChangeResult)>();
        foreach (var job in jobs)
        {
            answers.Add((job, await lab.Transitions.ChangeAsync(lab.Tenant, job, new JobChange(Hold: true), Ct)));
        }

        return answers;
    }

    private Task<List<Guid>> ClaimAllAsync(Guid worker) => ClaimAllAsync(worker, () => false, new TaskCompletionSource());

    /// <summary>Claims and completes until nothing is given any more.</summary>
    private async Task<List<Guid>> ClaimAllAsync(Guid worker, Func<bool> isEnough, TaskCompletionSource enough)
    {
        var jobs = new List<Guid>();
        while (await lab.TryClaimAsync(worker) is { } job)
        {
            jobs.Add(job.Lease.JobId);
            Assert.NotNull(await lab.Transitions.CompleteAsync(job.Lease, Samples.Result(), Ct));
            if (isEnough())
            {
                enough.SetResult();
            }
        }

        return jobs;
    }

    /// <summary>Until somebody waits for the lock, as Postgres sees it, or nobody needed to.</summary>
    private async Task WaitForWaiterAsync(Task waiter)
    {
        const string waiters = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
        while (!waiter.IsCompleted && await lab.ScalarAsync<long>(waiters) == 0)
        {
            Ct.ThrowIfCancellationRequested();
        }
    }
}
