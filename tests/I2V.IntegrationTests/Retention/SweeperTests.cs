using System.Net;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Jobs;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace I2V.IntegrationTests.Retention;

public sealed class FolderSweeperTests(FolderSweepLab lab) : SweeperTests(lab), IClassFixture<FolderSweepLab>;

public sealed class S3SweeperTests(S3SweepLab lab) : SweeperTests(lab), IClassFixture<S3SweepLab>;

/// <summary>What goes, when, and what must not.</summary>
public abstract class SweeperTests(SweepLab lab)
{
    private static readonly TimeSpan TwoDays = TimeSpan.FromDays(2);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_failed_attempt_stored_goes_when_its_links_have_expired_and_not_before()
    {
        var claim = await lab.FailAfterUploadAsync();

        await lab.SweepAsync();
        Assert.Equal(["a1/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId));

        await lab.LinksExpireAsync(claim.JobId);
        await lab.SweepAsync();
        Assert.Equal(["input.png"], await lab.StoredAsync(claim.JobId));
    }

    [Fact]
    public async Task A_running_attempt_keeps_what_it_has_stored_whatever_its_age()
    {
        var claim = await lab.StartAsync();
        await lab.UploadAsync(claim);
        await lab.LinksExpireAsync(claim.JobId);

        await lab.SweepAsync();
        await lab.WalkAsync(TwoDays);
        Assert.Equal(["a1/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId));

        // Its links were made before links were noted.
        await lab.Gateway.ExecuteAsync("update job_attempts set uploads_expire_at = null where ended_at is null");
        await lab.SweepAsync();
        await lab.WalkAsync(TwoDays);
        Assert.Equal(["a1/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId));
    }

    [Fact]
    public async Task The_result_stays_when_what_an_earlier_attempt_stored_goes()
    {
        var claim = await lab.FailAfterUploadAsync();
        await lab.Gateway.ExecuteAsync("update jobs set available_at = clock_timestamp() where state = 'queued'");
        await lab.Worker.CompleteAsync((await lab.Worker.ClaimAsync())!);
        await lab.LinksExpireAsync(claim.JobId);

        await lab.SweepAsync();
        await lab.WalkAsync(TwoDays);

        Assert.Equal(["a2/poster.jpg", "a2/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId));
    }

    [Fact]
    public async Task An_upload_that_ends_after_its_attempt_was_swept_is_found_later()
    {
        var claim = await lab.FailAfterUploadAsync();
        await lab.LinksExpireAsync(claim.JobId);
        await lab.SweepAsync();
        await lab.Store.PutAsync(ArtifactKeys.Video(await lab.TenantAsync(), claim.JobId, 1), new byte[5], "video/mp4", Ct);

        await lab.WalkAsync(TimeSpan.Zero);
        Assert.Equal(["a1/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId));
        await lab.WalkAsync(TwoDays);
        Assert.Equal(["input.png"], await lab.StoredAsync(claim.JobId));
    }

    [Fact]
    public async Task A_film_goes_after_its_time_and_the_job_says_so()
    {
        var film = await lab.MakeFilmAsync();
        Assert.Equal(film.CompletedAt!.Value + TimeSpan.FromDays(1), film.Output!.Video!.ExpiresAt, TimeSpan.FromSeconds(2));
        await lab.SweepAsync();
        Assert.Equal(["a1/poster.jpg", "a1/video.mp4", "input.png"], await lab.StoredAsync(SweepLab.Id(film.Id)));

        await lab.AgeAsync(film.Id, days: 2);
        await AssertGoneAsync(film.Id);
        await lab.SweepAsync();

        Assert.Empty(await lab.StoredAsync(SweepLab.Id(film.Id)));
        await AssertGoneAsync(film.Id);
    }

    [Fact]
    public async Task The_picture_of_a_canceled_job_goes_too()
    {
        var job = await lab.SubmitAsync();
        await lab.Gateway.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, Ct);
        await lab.AgeAsync(job.Id, days: 2);

        await lab.SweepAsync();

        Assert.Empty(await lab.StoredAsync(SweepLab.Id(job.Id)));
    }

    [Fact]
    public async Task A_gateway_that_dies_after_a_jobs_row_and_before_its_objects_leaves_nothing()
    {
        var claim = await lab.StartAsync();
        await lab.UploadAsync(claim);
        Assert.True(await lab.Gateway.Services.GetRequiredService<JobTransitions>().DeleteAsync(await lab.TenantAsync(), claim.JobId, Ct));

        await lab.SweepAsync();
        Assert.Equal(["a1/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId)); // its upload link still works
        await lab.Gateway.ExecuteAsync("update doomed_objects set due_at = due_at - interval '31 minutes'");
        await lab.SweepAsync();

        Assert.Empty(await lab.StoredAsync(claim.JobId));
    }

    [Fact]
    public async Task A_sweeper_that_dies_in_the_middle_is_followed_by_another()
    {
        var claim = await lab.FailAfterUploadAsync();
        await lab.LinksExpireAsync(claim.JobId);
        var rows = ActivatorUtilities.CreateInstance<Gateway.Retention.EndedRows>(lab.Gateway.Services);
        await rows.SweepAsync(Ct);
        await lab.Gateway.ExecuteAsync("update doomed_objects set due_at = clock_timestamp() + interval '10 minutes', tries = 1"); // taken

        await lab.SweepAsync();
        Assert.Equal(["a1/video.mp4", "input.png"], await lab.StoredAsync(claim.JobId));
        await lab.Gateway.ExecuteAsync("update doomed_objects set due_at = clock_timestamp()"); // ten minutes later
        await lab.SweepAsync();

        Assert.Equal(["input.png"], await lab.StoredAsync(claim.JobId));
        Assert.Equal(0L, await lab.Gateway.ScalarAsync<long>("select count(*) from doomed_objects where prefix like '%' || replace($1::text, '-', '') || '%'", claim.JobId));
    }

    [Fact]
    public async Task Objects_that_no_row_knows_go_when_they_are_old_and_those_of_others_never()
    {
        var tenant = await lab.TenantAsync();
        var orphan = ArtifactKeys.Input(tenant, Guid.CreateVersion7());
        var probe = $"health/{Guid.NewGuid():N}";
        string[] others = [ArtifactKeys.Input(Guid.NewGuid(), Guid.NewGuid()), $"t/{tenant:N}/u/{Guid.NewGuid():N}", "backups/2026/films.tar"];
        foreach (var key in others.Append(orphan).Append(probe))
        {
            await lab.Store.PutAsync(key, new byte[3], "application/octet-stream", Ct);
        }

        await lab.WalkAsync(TimeSpan.FromHours(23));
        Assert.NotNull(await lab.Store.HeadAsync(orphan, Ct));
        Assert.True(await lab.WalkAsync(TwoDays) >= 2);

        Assert.Null(await lab.Store.HeadAsync(orphan, Ct));
        Assert.Null(await lab.Store.HeadAsync(probe, Ct));
        foreach (var key in others)
        {
            Assert.NotNull(await lab.Store.HeadAsync(key, Ct));
        }
    }

    [Fact]
    public async Task Two_sweepers_at_once_share_the_work()
    {
        var other = await lab.Gateway.StartAnotherAsync();
        List<Guid> jobs = [];
        for (var i = 0; i < 12; i++)
        {
            var film = await lab.SubmitAsync();
            await lab.Gateway.Client.PostAsync($"/v1/jobs/{film.Id}/cancel", null, Ct);
            await lab.AgeAsync(film.Id, days: 2);
            jobs.Add(SweepLab.Id(film.Id));
        }

        await Task.WhenAll(lab.SweepAsync(), SweepLab.SweepAsync(other), lab.SweepAsync(), SweepLab.SweepAsync(other));

        Assert.Equal(12, await lab.Gateway.ScalarAsync<int>("select count(*)::int from jobs where id = any($1) and files_gone_at is not null", jobs.ToArray()));
        foreach (var job in jobs)
        {
            Assert.Empty(await lab.StoredAsync(job));
        }

        await other.DisposeAsync();
    }

    private async Task AssertGoneAsync(string id)
    {
        var job = await lab.Gateway.Client.GetAsync($"/v1/jobs/{id}", Ct).ReadAsync<JobObject>();
        Assert.Equal((JobStatus.Succeeded, "output_expired"), (job.Status, job.StatusReason));
        Assert.Null(job.Output);
        using var content = await lab.Gateway.Client.GetAsync($"/v1/jobs/{id}/content", Ct);
        await ApiFixture.ProblemAsync(content, HttpStatusCode.Gone, ErrorCode.NotFound);
    }
}
