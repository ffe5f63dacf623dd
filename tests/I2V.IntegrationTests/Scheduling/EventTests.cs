using System.Text.Json;
using I2V.Gateway.Database;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using Microsoft.EntityFrameworkCore;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>What the event table says, and what the read model makes of the rows.</summary>
public sealed class EventTests : IAsyncLifetime
{
    private SchedulingLab lab = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => lab = await SchedulingLab.CreateAsync();

    public ValueTask DisposeAsync() => lab.DisposeAsync();

    [Fact]
    public async Task Events_are_numbered_without_gaps_and_say_what_the_job_object_would()
    {
        var lease = await lab.RunAsync();
        await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Loading, Percent = 1 }, plan: null, Ct);
        await lab.Transitions.FailAsync(lease, ErrorCode.InferenceFailed, "The card was lost.", Ct);

        await using var db = NewDb();
        var events = await db.Events.Where(x => x.JobId == lease.JobId).OrderBy(x => x.Seq).ToListAsync(Ct);

        Assert.Equal([1, 2, 3, 4], events.Select(x => x.Seq));
        Assert.Equal([JobEventTypes.Queued, JobEventTypes.Started, JobEventTypes.Progress, JobEventTypes.Retrying], events.Select(x => x.Type));
        Assert.All(events, x => Assert.Equal(JobId.Format(lease.JobId), x.Data.JobId));
        Assert.Equal([null, 1, 1, 1], events.Select(x => x.Data.Attempt));
        Assert.Equal([JobStatus.Queued, JobStatus.Running, JobStatus.Running, JobStatus.Queued], events.Select(x => x.Data.Status));
        Assert.Equal(JobPhase.Loading, events[2].Data.Progress!.Phase);
        Assert.Equal("retrying", events[3].Data.StatusReason);
        Assert.Equal(new JobError(ErrorCode.InferenceFailed, "The card was lost.", Retryable: true), events[3].Data.Error);
        Assert.All(events, x => Assert.Equal(TimeSpan.Zero, x.Data.At.Offset));
    }

    [Fact]
    public async Task Progress_becomes_an_event_when_the_phase_changes_and_otherwise_four_times_a_second()
    {
        var lease = await lab.RunAsync();
        for (var step = 1; step <= 20; step++)
        {
            await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Denoising, Step = step }, plan: null, Ct);
        }

        await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Decoding }, plan: null, Ct);
        await lab.ExecuteAsync("update jobs set progress_event_at = progress_event_at - interval '1 second'");
        await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Decoding }, plan: null, Ct);
        await lab.Transitions.HeartbeatAsync(lease, new JobProgress { Phase = JobPhase.Decoding, Percent = 90 }, plan: null, Ct);

        await using var db = NewDb();
        var told = await db.Events.Where(x => x.Type == JobEventTypes.Progress).OrderBy(x => x.Seq).ToListAsync(Ct);
        var gaps = told.Zip(told.Skip(1), (a, b) => (Gap: b.At - a.At, SamePhase: a.Data.Progress!.Phase == b.Data.Progress!.Phase)).ToList();

        Assert.Equal(1, told[0].Data.Progress!.Step);
        Assert.All(gaps.SkipLast(1).Where(x => x.SamePhase), x => Assert.True(x.Gap >= TimeSpan.FromMilliseconds(240)));
        Assert.Equal([0, 90], told.Where(x => x.Data.Progress!.Phase == JobPhase.Decoding).Select(x => x.Data.Progress!.Percent));
        Assert.Equal(90, (await db.Jobs.SingleAsync(x => x.Id == lease.JobId, Ct)).Progress!.Percent);
    }

    [Fact]
    public async Task Every_column_of_a_finished_job_can_be_read_back()
    {
        var job = lab.NewJob(priority: 7) with { Tags = new Dictionary<string, string> { ["project"] = "x" } };
        var lease = await lab.RunAsync(job);
        await lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct);

        await using var db = NewDb();
        var row = await db.Jobs.SingleAsync(x => x.Id == job.Id && x.State == JobStatus.Succeeded, Ct);
        var attempt = await db.Attempts.SingleAsync(x => x.JobId == job.Id, Ct);

        Assert.Equal(7, row.Priority);
        Assert.Equal("x", row.Tags["project"]);
        Assert.Equal(JsonSerializer.Serialize(job.Spec), JsonSerializer.Serialize(row.Spec));
        Assert.Equal("full", row.Applied!.Rung);
        Assert.Equal(Samples.Sha256, Assert.Single(row.Outputs!).File.Sha256);
        Assert.Equal(1.5, row.Metrics!.DenoiseSeconds);
        Assert.InRange(row.Metrics.QueueSeconds!.Value, 0, 60);
        Assert.Null(row.LeaseOwner);
        Assert.NotNull(row.FinishedAt);
        Assert.Equal(("succeeded", "Some processor"), (attempt.Outcome, attempt.Device.Name));
        Assert.NotEmpty(await db.Workers.ToListAsync(Ct));
        Assert.NotEmpty(await db.Tenants.ToListAsync(Ct));
        Assert.Empty(await db.ApiKeys.ToListAsync(Ct));
    }

    private JobsDb NewDb()
    {
        var options = new DbContextOptionsBuilder<JobsDb>();
        DatabaseExtensions.Use(options, lab.Database);
        return new JobsDb((DbContextOptions<JobsDb>)options.Options);
    }
}
