using I2V.Protocol.Bus;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Jobs that do not fit a card, and attempts that go down the ladder.</summary>
public sealed class RefusalTests : IAsyncLifetime
{
    private const long Gb = 1L << 30;

    private SchedulingLab lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => lab.DisposeAsync();

    [Fact]
    public async Task A_refused_job_costs_nothing_and_goes_to_another_worker_at_once()
    {
        var (small, large) = (await lab.AddWorkerAsync(), await lab.AddWorkerAsync());
        var id = await lab.SubmitAsync();
        var lease = (await lab.ClaimAsync(small)).Lease;

        var ended = await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct);

        Assert.Equal(new AttemptEnded(JobStatus.Queued, null), ended);
        Assert.Equal(0, await lab.ScalarAsync<int>("select failures + crashes + releases from jobs where id = $1", id));
        Assert.Null(await lab.TryClaimAsync(small));
        var next = (await lab.ClaimAsync(large)).Lease;
        Assert.Equal((id, 2), (next.JobId, next.Attempt));
        Assert.Equal([JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Retrying, JobEventTypes.Started], await lab.EventsAsync(id));
        Assert.Equal("refused vram_insufficient The smallest plan needs 9 GB and 7 GB are free.", await lab.ScalarAsync<string>(
            "select outcome || ' ' || error_code || ' ' || error_message from job_attempts where job_id = $1 and attempt = 1", id));
    }

    [Fact]
    public async Task A_refusal_said_again_is_answered_the_same_and_changes_nothing()
    {
        var lease = await lab.RunAsync();
        var refusal = Samples.Refusal(lease, neededGb: 9, freeGb: 7);
        var first = await lab.Transitions.RefuseAsync(lease, refusal, Ct);
        var before = await lab.EverythingAsync(lease.JobId);

        Assert.Equal(first, await lab.Transitions.RefuseAsync(lease, refusal, Ct));
        Assert.Null(await lab.Transitions.RefuseAsync(lease, refusal with { Code = ErrorCode.RamInsufficient }, Ct));

        Assert.Equal(before, await lab.EverythingAsync(lease.JobId));
    }

    [Fact]
    public async Task A_worker_gets_the_job_again_once_what_was_missing_is_free()
    {
        var worker = await lab.AddWorkerAsync();
        var id = await lab.SubmitAsync();
        var lease = (await lab.TryClaimAsync(worker, free: 6 * Gb))!.Lease;
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct);

        Assert.Null(await lab.TryClaimAsync(worker, free: (8 * Gb) - 1));
        Assert.Equal(id, (await lab.TryClaimAsync(worker, free: 8 * Gb))!.Lease.JobId);
    }

    [Fact]
    public async Task Missing_system_memory_is_measured_on_the_host_and_not_on_the_card()
    {
        var worker = await lab.AddWorkerAsync();
        await lab.ExecuteAsync("""update workers set device = device || '{"kind": "cuda"}'""");
        await lab.SubmitAsync();
        var lease = (await lab.TryClaimAsync(worker, free: 6 * Gb, hostFree: 10 * Gb))!.Lease;
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 20, freeGb: 8, ErrorCode.RamInsufficient), Ct);

        Assert.Null(await lab.TryClaimAsync(worker, free: 24 * Gb, hostFree: 21 * Gb));
        Assert.NotNull(await lab.TryClaimAsync(worker, free: 6 * Gb, hostFree: 22 * Gb));
    }

    [Fact]
    public async Task A_refusal_by_rule_stands_whatever_becomes_free()
    {
        var worker = await lab.AddWorkerAsync();
        await lab.SubmitAsync();
        var lease = (await lab.TryClaimAsync(worker, free: 6 * Gb))!.Lease;
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 5, freeGb: 7), Ct);

        Assert.Null(await lab.TryClaimAsync(worker, free: 100 * Gb));
    }

    [Fact]
    public async Task A_lost_ticket_is_replaced_for_who_can_take_the_job_and_not_for_who_refused_it()
    {
        var id = await lab.SubmitAsync();
        var lease = (await lab.ClaimAsync(await lab.AddWorkerAsync())).Lease;
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct);
        await lab.ExecuteAsync("update jobs set ticketed_at = ticketed_at - interval '2 minutes', available_at = available_at - interval '2 minutes' where id = $1", id);

        Assert.Equal(0, await lab.Transitions.ReticketAsync(Ct));
        await lab.AddWorkerAsync();
        await lab.AddWorkerAsync();
        Assert.Equal(1, await lab.Transitions.ReticketAsync(Ct));
    }

    [Fact]
    public async Task A_worker_that_registers_anew_may_try_again()
    {
        var id = await lab.SubmitAsync();
        var lease = (await lab.ClaimAsync(await lab.AddWorkerAsync("gpu-0"))).Lease;
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct);

        Assert.Equal(id, (await lab.ClaimAsync(await lab.AddWorkerAsync("gpu-0"))).Lease.JobId);
    }

    [Fact]
    public async Task A_refused_job_does_not_hide_the_jobs_behind_it()
    {
        var worker = await lab.AddWorkerAsync();
        await lab.SubmitAsync();
        var next = await lab.SubmitAsync();
        var lease = (await lab.ClaimAsync(worker)).Lease;
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct);

        Assert.Equal(next, (await lab.ClaimAsync(worker)).Lease.JobId);
    }

    [Fact]
    public async Task A_card_that_is_too_small_is_not_asked_at_all()
    {
        var small = await lab.AddWorkerAsync();
        var job = lab.NewJob() with { NeededBytes = Gb + 1 };
        await lab.SubmitAsync(job);

        Assert.Null(await lab.TryClaimAsync(small));

        await lab.Transitions.RebindAsync(job.Id, Lanes.ForModel(SchedulingLab.Model), Gb, Ct);
        Assert.Equal(job.Id, (await lab.ClaimAsync(small)).Lease.JobId);
    }

    [Fact]
    public async Task Moving_a_job_to_the_lane_where_it_is_writes_no_ticket()
    {
        var id = await lab.SubmitAsync();
        var tier = Lanes.ForTier(SchedulingLab.Model, 24);

        Assert.True(await lab.Transitions.RebindAsync(id, tier, 22 * Gb, Ct));
        Assert.False(await lab.Transitions.RebindAsync(id, tier, 22 * Gb, Ct));

        Assert.Equal(1, await lab.ScalarAsync<long>("select count(*) from outbox where lane = $1", tier));
    }

    [Fact]
    public async Task A_job_fails_as_unfit_only_while_it_waits_as_it_was_seen()
    {
        var lease = await lab.RunAsync();
        Assert.False(await lab.Transitions.FailUnfitAsync(lease.JobId, lease.Attempt, ErrorCode.VramInsufficient, "Nobody.", Ct));
        await lab.Transitions.RefuseAsync(lease, Samples.Refusal(lease, neededGb: 9, freeGb: 7), Ct);
        Assert.False(await lab.Transitions.FailUnfitAsync(lease.JobId, lease.Attempt - 1, ErrorCode.VramInsufficient, "Nobody.", Ct));

        Assert.True(await lab.Transitions.FailUnfitAsync(lease.JobId, lease.Attempt, ErrorCode.VramInsufficient, "Nobody.", Ct));

        Assert.Equal("failed", await lab.StateAsync(lease.JobId));
        Assert.Equal(JobEventTypes.Failed, (await lab.EventsAsync(lease.JobId))[^1]);
    }

    [Fact]
    public async Task A_step_down_the_ladder_is_told_once_however_often_it_is_said()
    {
        var lease = await lab.RunAsync();
        var tiled = new Degradation("vae_tiled", "techniques", "sliced", "tiled", 9 * Gb, 7 * Gb, "The decoder works in tiles.");
        var first = Samples.Step(lease, "resident", "sliced");
        var second = Samples.Step(lease, "sliced", "tiled", tiled);

        foreach (var step in new[] { first, first, second, second })
        {
            Assert.True(await lab.Transitions.DegradeAsync(lease, step, Ct));
        }

        Assert.Equal(
            [JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Degraded, JobEventTypes.Degraded], await lab.EventsAsync(lease.JobId));
        Assert.Equal("tiled 1", await lab.ScalarAsync<string>(
            "select (applied ->> 'rung') || ' ' || jsonb_array_length(degradations) from jobs where id = $1", lease.JobId));
        Assert.Equal("slow zoom in", await lab.ScalarAsync<string>("select applied ->> 'prompt' from jobs where id = $1", lease.JobId));
    }

    [Fact]
    public async Task A_new_plan_replaces_what_was_not_as_asked()
    {
        var lease = await lab.RunAsync();
        var tiled = new Degradation("vae_tiled", "techniques", "sliced", "tiled", 9 * Gb, 7 * Gb, "The decoder works in tiles.");
        var shorter = new Degradation("frames_reduced", "num_frames", "24", "16", 9 * Gb, 7 * Gb, "The film has 16 frames.");
        await lab.Transitions.DegradeAsync(lease, Samples.Step(lease, "sliced", "tiled", tiled), Ct);
        var anew = Samples.Step(lease, "tiled", "sliced", shorter) with
        {
            Applied = new AppliedSettings(new JobSettings { NumFrames = 16 }),
            Degradations = [shorter],
        };

        Assert.True(await lab.Transitions.DegradeAsync(lease, anew, Ct));
        Assert.True(await lab.Transitions.DegradeAsync(lease, anew, Ct));

        Assert.Equal("sliced 16 frames_reduced 1", await lab.ScalarAsync<string>(
            "select concat_ws(' ', applied ->> 'rung', applied ->> 'num_frames', degradations -> 0 ->> 'code', jsonb_array_length(degradations)) from jobs where id = $1",
            lease.JobId));
        Assert.Equal(2, (await lab.EventsAsync(lease.JobId)).Count(type => type == JobEventTypes.Degraded));
    }

    [Fact]
    public async Task Two_reports_of_one_step_at_once_make_one_event()
    {
        var lease = await lab.RunAsync();

        Assert.All(
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => lab.Transitions.DegradeAsync(lease, Samples.Step(lease, "resident", "sliced"), Ct))),
            Assert.True);

        Assert.Single(await lab.EventsAsync(lease.JobId), JobEventTypes.Degraded);
    }

    [Fact]
    public async Task A_plan_counts_once_and_what_was_degraded_since_stands()
    {
        var lease = await lab.RunAsync();
        var plan = new AttemptPlan { Applied = new AppliedSettings(new JobSettings { Width = 64 }) { Rung = "resident" } };

        await lab.Transitions.HeartbeatAsync(lease, progress: null, plan, Ct);
        Assert.Equal("resident", await RungAsync(lease.JobId));
        await lab.Transitions.DegradeAsync(lease, Samples.Step(lease, "resident", "sliced"), Ct);
        await lab.Transitions.HeartbeatAsync(lease, progress: null, plan, Ct);
        Assert.Equal("sliced", await RungAsync(lease.JobId));

        await lab.Transitions.ReleaseAsync(lease, "The worker is shutting down.", Ct);
        Assert.Equal("none", await RungAsync(lease.JobId));
    }

    private Task<string> RungAsync(Guid job) => lab.ScalarAsync<string>("select coalesce(applied ->> 'rung', 'none') from jobs where id = $1", job);
}
