using I2V.Gateway.Scheduling;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>What holds when workers crash, come back from the dead, repeat themselves or are replaced.</summary>
public sealed class LeaseTests : IAsyncLifetime
{
    private SchedulingLab lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => lab.DisposeAsync();

    [Fact]
    public async Task A_zombies_late_reports_are_refused_and_the_second_attempts_film_stands()
    {
        var zombie = await lab.RunAsync();
        await lab.LapseAsync(zombie.JobId);
        Assert.Equal(1, await lab.Transitions.ReapAsync(Ct));
        await lab.MakeDueAsync(zombie.JobId);
        var second = (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease;
        Assert.Equal((zombie.JobId, 2), (second.JobId, second.Attempt));

        await AssertRefusedAsync(zombie);
        var done = await lab.Transitions.CompleteAsync(second, Samples.Result(), Ct);
        Assert.Equal(new AttemptEnded(JobStatus.Succeeded, null), done);

        await AssertRefusedAsync(zombie);
        Assert.Equal(2, await lab.ScalarAsync<int>("select result_attempt from jobs where id = $1", zombie.JobId));
    }

    [Fact]
    public async Task A_lease_that_lapsed_but_was_not_reaped_yet_is_still_good()
    {
        var lease = await lab.RunAsync();
        await lab.LapseAsync(lease.JobId);

        Assert.NotNull(await lab.Transitions.HeartbeatAsync(lease, progress: null, plan: null, Ct));

        Assert.Equal(0, await lab.Transitions.ReapAsync(Ct));
    }

    [Fact]
    public async Task The_second_crash_ends_the_job_with_both_attempts_stories()
    {
        var first = await lab.RunAsync();
        await lab.LapseAsync(first.JobId);
        await lab.Transitions.ReapAsync(Ct);
        Assert.Equal(
            "retrying", await lab.ScalarAsync<string>("select status_reason from jobs where id = $1", first.JobId));
        var wait = await lab.ScalarAsync<double>(
            "select extract(epoch from available_at - clock_timestamp())::float8 from jobs where id = $1", first.JobId);
        Assert.InRange(wait, 4, 7.5);

        await lab.MakeDueAsync(first.JobId);
        var second = (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease;
        await lab.LapseAsync(second.JobId);
        await lab.Transitions.ReapAsync(Ct);

        Assert.Equal("failed", await lab.StateAsync(first.JobId));
        Assert.Equal(ErrorCode.WorkerLost, await lab.ScalarAsync<string>("select error_code from jobs where id = $1", first.JobId));
        Assert.Equal(
            ["lost", "lost"], await lab.ScalarAsync<string[]>("select array_agg(outcome order by attempt) from job_attempts where job_id = $1", first.JobId));
        Assert.Equal(
            [JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Retrying, JobEventTypes.Started, JobEventTypes.Failed],
            await lab.EventsAsync(first.JobId));
    }

    [Fact]
    public async Task Three_failures_of_its_own_end_a_job()
    {
        var id = await lab.SubmitAsync();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            var lease = (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease;
            Assert.Equal(attempt, lease.Attempt);
            var ended = await lab.Transitions.FailAsync(lease, ErrorCode.InferenceFailed, "The card was lost.", Ct);
            Assert.Equal(attempt < 3 ? new AttemptEnded(JobStatus.Queued, "retrying") : new AttemptEnded(JobStatus.Failed, null), ended);
            await lab.MakeDueAsync(id);
        }
    }

    [Fact]
    public async Task A_release_costs_nothing_until_the_twentieth()
    {
        var id = await lab.SubmitAsync();
        var worker = await lab.AddWorkerAsync();
        for (var release = 1; release <= 20; release++)
        {
            var ended = await lab.Transitions.ReleaseAsync((await lab.ClaimAsync(worker)).Lease, "The worker is shutting down.", Ct);
            Assert.Equal(release < 20 ? JobStatus.Queued : JobStatus.Failed, ended!.Status);
        }

        Assert.Equal(0, await lab.ScalarAsync<int>("select failures + crashes from jobs where id = $1", id));
    }

    [Fact]
    public async Task An_attempt_cannot_outlive_the_time_that_it_may_take_whatever_its_heartbeats_say()
    {
        var lease = await lab.RunAsync();
        await lab.ExecuteAsync("update jobs set run_deadline_at = clock_timestamp() - interval '31 seconds' where id = $1", lease.JobId);
        await lab.Transitions.HeartbeatAsync(lease, progress: null, plan: null, Ct);

        Assert.Equal(1, await lab.Transitions.ReapAsync(Ct));

        Assert.Equal("failed", await lab.StateAsync(lease.JobId));
        Assert.Equal(ErrorCode.RunTimeout, await lab.ScalarAsync<string>("select error_code from jobs where id = $1", lease.JobId));
    }

    [Fact]
    public async Task Completing_again_gives_the_same_answer_and_another_film_is_refused()
    {
        var lease = await lab.RunAsync();
        var first = await lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct);
        var before = await lab.EverythingAsync(lease.JobId);

        Assert.Equal(first, await lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct));
        Assert.Null(await lab.Transitions.CompleteAsync(lease, Samples.Result(new string('c', 64)), Ct));
        Assert.Equal(before, await lab.EverythingAsync(lease.JobId));
    }

    [Fact]
    public async Task Failing_or_releasing_again_gives_the_same_answer_even_after_the_next_attempt_began()
    {
        var lease = await lab.RunAsync();
        var first = await lab.Transitions.FailAsync(lease, ErrorCode.EncodeFailed, "ffmpeg ended early.", Ct);
        await lab.MakeDueAsync(lease.JobId);
        var next = (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease;

        Assert.Equal(first, await lab.Transitions.FailAsync(lease, ErrorCode.EncodeFailed, "ffmpeg ended early.", Ct));
        Assert.Null(await lab.Transitions.ReleaseAsync(lease, "The worker is shutting down.", Ct));

        var released = await lab.Transitions.ReleaseAsync(next, "The worker is shutting down.", Ct);
        Assert.Equal(released, await lab.Transitions.ReleaseAsync(next, "The worker is shutting down.", Ct));
    }

    [Fact]
    public async Task A_new_incarnation_on_the_same_device_takes_its_predecessors_job_back_at_once()
    {
        var old = await lab.AddWorkerAsync("gpu-0");
        var bystander = await lab.AddWorkerAsync("gpu-1");
        var job = await lab.SubmitAsync();
        var lease = (await lab.ClaimAsync(old)).Lease;
        await lab.SubmitAsync();
        var other = (await lab.ClaimAsync(bystander)).Lease;

        await lab.AddWorkerAsync("gpu-0");

        Assert.Equal("queued", await lab.StateAsync(job));
        Assert.Equal("gone", await lab.ScalarAsync<string>("select state from workers where id = $1", old));
        await AssertRefusedAsync(lease);
        Assert.NotNull(await lab.Transitions.HeartbeatAsync(other, progress: null, plan: null, Ct));
    }

    [Fact]
    public async Task Two_incarnations_that_register_at_once_leave_one()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lab.AddWorkerAsync("gpu-0")));

        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from workers where state <> 'gone'"));
    }

    [Fact]
    public async Task A_worker_that_says_goodbye_leaves_no_job_behind()
    {
        var worker = await lab.AddWorkerAsync();
        var job = await lab.SubmitAsync();
        await lab.ClaimAsync(worker);

        await lab.Transitions.RetireWorkerAsync(worker, Ct);

        Assert.Equal("queued", await lab.StateAsync(job));
    }

    [Fact]
    public async Task A_heartbeat_brings_back_a_cancel_and_the_failure_that_follows_ends_the_job_as_canceled()
    {
        var lease = await lab.RunAsync();
        Assert.False((await lab.Transitions.HeartbeatAsync(lease, progress: null, plan: null, Ct))!.CancelRequested);

        Assert.Equal(CancelResult.Canceling, await lab.Transitions.CancelAsync(lab.Tenant, lease.JobId, Ct));
        Assert.Equal(CancelResult.Canceling, await lab.Transitions.CancelAsync(lab.Tenant, lease.JobId, Ct));
        Assert.True((await lab.Transitions.HeartbeatAsync(lease, progress: null, plan: null, Ct))!.CancelRequested);

        var ended = await lab.Transitions.FailAsync(lease, ErrorCode.Internal, "Stopped on request.", Ct);
        Assert.Equal(JobStatus.Canceled, ended!.Status);
        Assert.Equal(CancelResult.Canceled, await lab.Transitions.CancelAsync(lab.Tenant, lease.JobId, Ct));
        Assert.Equal(
            [JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Canceling, JobEventTypes.Canceled], await lab.EventsAsync(lease.JobId));
    }

    [Fact]
    public async Task Cancel_racing_complete_leaves_one_terminal_state_and_the_answers_agree_with_it()
    {
        var succeeded = 0;
        for (var i = 0; i < 50; i++)
        {
            var lease = await lab.RunAsync();
            var cancel = lab.Transitions.CancelAsync(lab.Tenant, lease.JobId, Ct);
            var complete = lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct);
            await Task.WhenAll(cancel, complete);

            // Completion wins: a cancel that came first only asked for an end.
            Assert.Equal(JobStatus.Succeeded, (await complete)!.Status);
            Assert.Contains(await cancel, new[] { CancelResult.Canceling, CancelResult.AlreadyFinished });
            Assert.Equal("succeeded", await lab.StateAsync(lease.JobId));
            Assert.Single(await lab.EventsAsync(lease.JobId), JobEventTypes.IsTerminal);
            succeeded++;
        }

        Assert.Equal(50, succeeded);
    }

    [Fact]
    public async Task Cancel_racing_a_claim_never_leaves_a_canceled_job_with_a_worker()
    {
        for (var i = 0; i < 50; i++)
        {
            var worker = await lab.AddWorkerAsync();
            var id = await lab.SubmitAsync();
            var cancel = lab.Transitions.CancelAsync(lab.Tenant, id, Ct);
            var claim = lab.TryClaimAsync(worker);
            await Task.WhenAll(cancel, claim);

            Assert.Equal(await claim is null ? CancelResult.Canceled : CancelResult.Canceling, await cancel);
            Assert.Equal(await claim is null ? "canceled" : "running", await lab.StateAsync(id));
        }
    }

    [Fact]
    public async Task Deleting_a_running_job_takes_the_lease_from_its_worker()
    {
        var lease = await lab.RunAsync();
        var stranger = await lab.AddTenantAsync("stranger");
        Assert.False(await lab.Transitions.DeleteAsync(stranger, lease.JobId, Ct));

        Assert.True(await lab.Transitions.DeleteAsync(lab.Tenant, lease.JobId, Ct));

        await AssertRefusedAsync(lease);
        Assert.Equal(0, await lab.ScalarAsync<long>("select count(*) from job_events"));
    }

    private async Task AssertRefusedAsync(Lease lease)
    {
        Assert.Null(await lab.Transitions.HeartbeatAsync(lease, progress: null, plan: null, Ct));
        Assert.Null(await lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct));
        Assert.Null(await lab.Transitions.FailAsync(lease, ErrorCode.Internal, "Late.", Ct));
        Assert.Null(await lab.Transitions.ReleaseAsync(lease, "Late.", Ct));
    }
}
