using I2V.Gateway.Scheduling;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>What holds when workers crash, come back from the dead, repeat themselves or are replaced.</summary>
public sealed class LeaseTests : IAsyncLifetime
{
    private SchedulingLab _lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_zombies_late_reports_are_refused_and_the_second_attempts_film_stands()
    {
        var zombie = await _lab.RunAsync();
        await _lab.LapseAsync(zombie.JobId);
        Assert.Equal(1, await _lab.Transitions.ReapAsync(Ct));
        await _lab.MakeDueAsync(zombie.JobId);
        var second = (await _lab.ClaimAsync(await _lab.AddWorkerAsync())).Lease;
        Assert.Equal((zombie.JobId, 2), (second.JobId, second.Attempt));

        await AssertRefusedAsync(zombie);
        var done = await _lab.Transitions.CompleteAsync(second, Samples.Result(), Ct);
        Assert.Equal(new AttemptEnded(JobStatus.Succeeded, null), done);

        await AssertRefusedAsync(zombie);
        Assert.Equal(2, await _lab.ScalarAsync<int>("select result_attempt from jobs where id = $1", zombie.JobId));
    }

    [Fact]
    public async Task A_lease_that_lapsed_but_was_not_reaped_yet_is_still_good()
    {
        var lease = await _lab.RunAsync();
        await _lab.LapseAsync(lease.JobId);

        Assert.NotNull(await _lab.Transitions.HeartbeatAsync(lease, progress: null, Ct));

        Assert.Equal(0, await _lab.Transitions.ReapAsync(Ct));
    }

    [Fact]
    public async Task The_second_crash_ends_the_job_with_both_attempts_stories()
    {
        var first = await _lab.RunAsync();
        await _lab.LapseAsync(first.JobId);
        await _lab.Transitions.ReapAsync(Ct);
        Assert.Equal(
            "retrying", await _lab.ScalarAsync<string>("select status_reason from jobs where id = $1", first.JobId));
        var wait = await _lab.ScalarAsync<double>(
            "select extract(epoch from available_at - clock_timestamp())::float8 from jobs where id = $1", first.JobId);
        Assert.InRange(wait, 4, 7.5);

        await _lab.MakeDueAsync(first.JobId);
        var second = (await _lab.ClaimAsync(await _lab.AddWorkerAsync())).Lease;
        await _lab.LapseAsync(second.JobId);
        await _lab.Transitions.ReapAsync(Ct);

        Assert.Equal("failed", await _lab.StateAsync(first.JobId));
        Assert.Equal(ErrorCode.WorkerLost, await _lab.ScalarAsync<string>("select error_code from jobs where id = $1", first.JobId));
        Assert.Equal(
            ["lost", "lost"], await _lab.ScalarAsync<string[]>("select array_agg(outcome order by attempt) from job_attempts where job_id = $1", first.JobId));
        Assert.Equal(
            [JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Retrying, JobEventTypes.Started, JobEventTypes.Failed],
            await _lab.EventsAsync(first.JobId));
    }

    [Fact]
    public async Task Three_failures_of_its_own_end_a_job()
    {
        var id = await _lab.SubmitAsync();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            var lease = (await _lab.ClaimAsync(await _lab.AddWorkerAsync())).Lease;
            Assert.Equal(attempt, lease.Attempt);
            var ended = await _lab.Transitions.FailAsync(lease, ErrorCode.InferenceFailed, "The card was lost.", Ct);
            Assert.Equal(attempt < 3 ? new AttemptEnded(JobStatus.Queued, "retrying") : new AttemptEnded(JobStatus.Failed, null), ended);
            await _lab.MakeDueAsync(id);
        }
    }

    [Fact]
    public async Task A_release_costs_nothing_until_the_twentieth()
    {
        var id = await _lab.SubmitAsync();
        var worker = await _lab.AddWorkerAsync();
        for (var release = 1; release <= 20; release++)
        {
            var ended = await _lab.Transitions.ReleaseAsync((await _lab.ClaimAsync(worker)).Lease, "The worker is shutting down.", Ct);
            Assert.Equal(release < 20 ? JobStatus.Queued : JobStatus.Failed, ended!.Status);
        }

        Assert.Equal(0, await _lab.ScalarAsync<int>("select failures + crashes from jobs where id = $1", id));
    }

    [Fact]
    public async Task An_attempt_cannot_outlive_the_time_that_it_may_take_whatever_its_heartbeats_say()
    {
        var lease = await _lab.RunAsync();
        await _lab.ExecuteAsync("update jobs set run_deadline_at = clock_timestamp() - interval '31 seconds' where id = $1", lease.JobId);
        await _lab.Transitions.HeartbeatAsync(lease, progress: null, Ct);

        Assert.Equal(1, await _lab.Transitions.ReapAsync(Ct));

        Assert.Equal("failed", await _lab.StateAsync(lease.JobId));
        Assert.Equal(ErrorCode.RunTimeout, await _lab.ScalarAsync<string>("select error_code from jobs where id = $1", lease.JobId));
    }

    [Fact]
    public async Task Completing_again_gives_the_same_answer_and_another_film_is_refused()
    {
        var lease = await _lab.RunAsync();
        var first = await _lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct);
        var before = await _lab.EverythingAsync(lease.JobId);

        Assert.Equal(first, await _lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct));
        Assert.Null(await _lab.Transitions.CompleteAsync(lease, Samples.Result(new string('c', 64)), Ct));
        Assert.Equal(before, await _lab.EverythingAsync(lease.JobId));
    }

    [Fact]
    public async Task Failing_or_releasing_again_gives_the_same_answer_even_after_the_next_attempt_began()
    {
        var lease = await _lab.RunAsync();
        var first = await _lab.Transitions.FailAsync(lease, ErrorCode.EncodeFailed, "ffmpeg ended early.", Ct);
        await _lab.MakeDueAsync(lease.JobId);
        var next = (await _lab.ClaimAsync(await _lab.AddWorkerAsync())).Lease;

        Assert.Equal(first, await _lab.Transitions.FailAsync(lease, ErrorCode.EncodeFailed, "ffmpeg ended early.", Ct));
        Assert.Null(await _lab.Transitions.ReleaseAsync(lease, "The worker is shutting down.", Ct));

        var released = await _lab.Transitions.ReleaseAsync(next, "The worker is shutting down.", Ct);
        Assert.Equal(released, await _lab.Transitions.ReleaseAsync(next, "The worker is shutting down.", Ct));
    }

    [Fact]
    public async Task A_new_incarnation_on_the_same_device_takes_its_predecessors_job_back_at_once()
    {
        var old = await _lab.AddWorkerAsync("gpu-0");
        var bystander = await _lab.AddWorkerAsync("gpu-1");
        var job = await _lab.SubmitAsync();
        var lease = (await _lab.ClaimAsync(old)).Lease;
        await _lab.SubmitAsync();
        var other = (await _lab.ClaimAsync(bystander)).Lease;

        await _lab.AddWorkerAsync("gpu-0");

        Assert.Equal("queued", await _lab.StateAsync(job));
        Assert.Equal("gone", await _lab.ScalarAsync<string>("select state from workers where id = $1", old));
        await AssertRefusedAsync(lease);
        Assert.NotNull(await _lab.Transitions.HeartbeatAsync(other, progress: null, Ct));
    }

    [Fact]
    public async Task Two_incarnations_that_register_at_once_leave_one()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _lab.AddWorkerAsync("gpu-0")));

        Assert.Equal(1, await _lab.ScalarAsync<long>("select count(*) from workers where state <> 'gone'"));
    }

    [Fact]
    public async Task A_worker_that_says_goodbye_leaves_no_job_behind()
    {
        var worker = await _lab.AddWorkerAsync();
        var job = await _lab.SubmitAsync();
        await _lab.ClaimAsync(worker);

        await _lab.Transitions.RetireWorkerAsync(worker, Ct);

        Assert.Equal("queued", await _lab.StateAsync(job));
    }

    [Fact]
    public async Task A_heartbeat_brings_back_a_cancel_and_the_failure_that_follows_ends_the_job_as_canceled()
    {
        var lease = await _lab.RunAsync();
        Assert.False((await _lab.Transitions.HeartbeatAsync(lease, progress: null, Ct))!.CancelRequested);

        Assert.Equal(CancelResult.Canceling, await _lab.Transitions.CancelAsync(_lab.Tenant, lease.JobId, Ct));
        Assert.Equal(CancelResult.Canceling, await _lab.Transitions.CancelAsync(_lab.Tenant, lease.JobId, Ct));
        Assert.True((await _lab.Transitions.HeartbeatAsync(lease, progress: null, Ct))!.CancelRequested);

        var ended = await _lab.Transitions.FailAsync(lease, ErrorCode.Internal, "Stopped on request.", Ct);
        Assert.Equal(JobStatus.Canceled, ended!.Status);
        Assert.Equal(CancelResult.Canceled, await _lab.Transitions.CancelAsync(_lab.Tenant, lease.JobId, Ct));
        Assert.Equal(
            [JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Canceling, JobEventTypes.Canceled], await _lab.EventsAsync(lease.JobId));
    }

    [Fact]
    public async Task Cancel_racing_complete_leaves_one_terminal_state_and_the_answers_agree_with_it()
    {
        var succeeded = 0;
        for (var i = 0; i < 50; i++)
        {
            var lease = await _lab.RunAsync();
            var cancel = _lab.Transitions.CancelAsync(_lab.Tenant, lease.JobId, Ct);
            var complete = _lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct);
            await Task.WhenAll(cancel, complete);

            // Completion wins: a cancel that came first only asked for an end.
            Assert.Equal(JobStatus.Succeeded, (await complete)!.Status);
            Assert.Contains(await cancel, new[] { CancelResult.Canceling, CancelResult.AlreadyFinished });
            Assert.Equal("succeeded", await _lab.StateAsync(lease.JobId));
            Assert.Single(await _lab.EventsAsync(lease.JobId), JobEventTypes.IsTerminal);
            succeeded++;
        }

        Assert.Equal(50, succeeded);
    }

    [Fact]
    public async Task Cancel_racing_a_claim_never_leaves_a_canceled_job_with_a_worker()
    {
        for (var i = 0; i < 50; i++)
        {
            var worker = await _lab.AddWorkerAsync();
            var id = await _lab.SubmitAsync();
            var cancel = _lab.Transitions.CancelAsync(_lab.Tenant, id, Ct);
            var claim = _lab.TryClaimAsync(worker);
            await Task.WhenAll(cancel, claim);

            Assert.Equal(await claim is null ? CancelResult.Canceled : CancelResult.Canceling, await cancel);
            Assert.Equal(await claim is null ? "canceled" : "running", await _lab.StateAsync(id));
        }
    }

    [Fact]
    public async Task Deleting_a_running_job_takes_the_lease_from_its_worker()
    {
        var lease = await _lab.RunAsync();
        var stranger = await _lab.AddTenantAsync("stranger");
        Assert.False(await _lab.Transitions.DeleteAsync(stranger, lease.JobId, Ct));

        Assert.True(await _lab.Transitions.DeleteAsync(_lab.Tenant, lease.JobId, Ct));

        await AssertRefusedAsync(lease);
        Assert.Equal(0, await _lab.ScalarAsync<long>("select count(*) from job_events"));
    }

    private async Task AssertRefusedAsync(Lease lease)
    {
        Assert.Null(await _lab.Transitions.HeartbeatAsync(lease, progress: null, Ct));
        Assert.Null(await _lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct));
        Assert.Null(await _lab.Transitions.FailAsync(lease, ErrorCode.Internal, "Late.", Ct));
        Assert.Null(await _lab.Transitions.ReleaseAsync(lease, "Late.", Ct));
    }
}
