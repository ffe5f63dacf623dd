using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Bus;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Jobs;

/// <summary>What becomes of jobs that do not fit the cards that are there.</summary>
public sealed class FitPolicyTests : IAsyncLifetime
{
    private const string Large768 = """{"model":"film","input":{"image":{"data_url":"$photo"},"width":768,"height":768,"num_frames":24},"fit":{"policy":"$policy"}}""";

    private readonly CancellationToken ct = TestContext.Current.CancellationToken;
    private TestGateway gateway = null!;
    private FakeWorker small = null!;
    private FakeWorker large = null!;

    public async ValueTask InitializeAsync()
    {
        gateway = await TestGateway.StartAsync(("Scheduling:SweepSeconds", "0.05"));
        (small, large) = (new FakeWorker(gateway), new FakeWorker(gateway));
        await small.RegisterAsync(Cards.Small, Cards.OnSmall);
    }

    public async ValueTask DisposeAsync()
    {
        small.Dispose();
        large.Dispose();
        await gateway.DisposeAsync();
    }

    [Fact]
    public async Task A_job_that_waits_for_a_larger_card_says_so_and_runs_when_one_registers()
    {
        var job = await SubmitAsync(Large768, "wait");

        Assert.Equal((JobStatus.Queued, "waiting_for_worker", 0), (job.Status, job.StatusReason, job.Queue!.FeasibleWorkers));
        Assert.Equal(["no_capable_worker", "small/gpu-0: needs 9.0 GB, has 7.0 GB free"], job.Queue.BlockedBy);

        await large.RegisterAsync(Cards.Large, Cards.OnLarge);
        var ready = await GetAsync(job.Id);

        Assert.Equal((Lanes.ForTier("film", 8), 9 * Cards.Gb), (await LaneOfAsync(job.Id), await NeededOfAsync(job.Id)));
        Assert.Equal((null, 1), (ready.StatusReason, ready.Queue!.FeasibleWorkers));
        Assert.Null(await small.ClaimAsync());
        Assert.Equal(Id(job.Id), (await large.ClaimAsync())!.JobId);
    }

    [Fact]
    public async Task A_waiting_job_moves_to_another_lane_when_more_is_known_of_the_cards()
    {
        await small.RegisterAsync(Cards.Small, Cards.OnSmall with { Fit = [] });
        var job = await SubmitAsync(Large768, "wait");
        Assert.Equal((Lanes.ForModel("film"), 1), (await LaneOfAsync(job.Id), job.Queue!.FeasibleWorkers));

        await small.RegisterAsync(Cards.Small, Cards.OnSmall);

        // The sweep moves it; a lane that it never reaches ends the test by its time-out.
        while (await LaneOfAsync(job.Id) != Lanes.ForTier("film", 8))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), ct);
        }

        Assert.Null(await small.ClaimAsync());
    }

    [Fact]
    public async Task A_strict_job_goes_to_the_lane_of_the_cards_that_it_needs_at_once()
    {
        await small.GoodbyeAsync();
        await large.RegisterAsync(Cards.Large, Cards.OnLarge);

        var strict = await SubmitAsync(Large768, "wait");
        var lenient = await SubmitAsync(Large768, "degrade");

        Assert.Equal((Lanes.ForTier("film", 12), 13 * Cards.Gb), (await LaneOfAsync(strict.Id), await NeededOfAsync(strict.Id)));
        Assert.Equal(Lanes.ForModel("film"), await LaneOfAsync(lenient.Id));
        await small.RegisterAsync(Cards.Small, Cards.OnSmall);
        Assert.Equal(Id(lenient.Id), (await small.ClaimAsync())!.JobId);
    }

    [Fact]
    public async Task A_job_that_may_not_wait_fails_at_once_when_no_card_is_large_enough()
    {
        var job = await SubmitAsync(Large768, "fail");

        Assert.Equal((JobStatus.Failed, ErrorCode.VramInsufficient, false), (job.Status, job.Error!.Code, job.Error.Retryable));
        Assert.Equal("No worker can take the job. small/gpu-0: needs 9.0 GB, has 7.0 GB free.", job.Error.Message);
    }

    [Theory]
    [InlineData("fail")]
    [InlineData("degrade")]
    public async Task A_job_that_may_not_wait_fails_when_the_last_worker_has_refused_it(string policy)
    {
        await large.RegisterAsync(Cards.Large, Cards.OnLarge);
        var id = (await SubmitAsync(Large768.Replace("768", "512", StringComparison.Ordinal).Replace("24", "16", StringComparison.Ordinal), policy)).Id;

        await RefuseAsync((await small.ClaimAsync())!, neededGb: 5, freeGb: 2);
        var between = await GetAsync(id);
        Assert.Equal((JobStatus.Queued, 1), (between.Status, between.Queue!.FeasibleWorkers));
        Assert.Equal(["small/gpu-0: needs 5.0 GB, has 2.0 GB free"], between.Queue.BlockedBy);
        Assert.Null(await small.ClaimAsync());
        await RefuseAsync((await large.ClaimAsync())!, neededGb: 5, freeGb: 3);

        var failed = await GetAsync(id);
        Assert.Equal((JobStatus.Failed, ErrorCode.VramInsufficient), (failed.Status, failed.Error!.Code));
        Assert.Contains("large/gpu-0: needs 5.0 GB, has 3.0 GB free", failed.Error.Message, StringComparison.Ordinal);
        var attempts = await gateway.Client.GetAsync($"/v1/jobs/{id}/attempts", ct).ReadAsync<JobAttemptList>();
        Assert.Equal(["refused", "refused"], attempts.Data.Select(attempt => attempt.Outcome));
    }

    [Fact]
    public async Task A_job_that_waits_is_not_failed_by_refusals_and_returns_to_who_has_room_again()
    {
        var body = Large768.Replace("768", "512", StringComparison.Ordinal).Replace("24", "16", StringComparison.Ordinal);
        var id = (await SubmitAsync(body, "wait")).Id;
        await RefuseAsync((await small.ClaimAsync(3 * Cards.Gb))!, neededGb: 5, freeGb: 2);

        var waiting = await GetAsync(id);
        Assert.Equal((JobStatus.Queued, "waiting_for_worker"), (waiting.Status, waiting.StatusReason));
        Assert.Equal(["no_capable_worker", "small/gpu-0: needs 5.0 GB, has 2.0 GB free"], waiting.Queue!.BlockedBy);
        Assert.Null(await small.ClaimAsync(5 * Cards.Gb));
        Assert.NotNull(await small.ClaimAsync(6 * Cards.Gb));
    }

    [Fact]
    public async Task A_step_down_the_ladder_is_heard_live_and_seen_on_the_running_job()
    {
        var id = (await SubmitAsync(Large768, "degrade")).Id;
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/events");
        using var stream = await gateway.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        await using var body = await stream.Content.ReadAsStreamAsync(ct);
        await using var events = SseParser.Create(body).EnumerateAsync(ct).GetAsyncEnumerator(ct);
        var claim = (await small.ClaimAsync())!;
        var tiled = new Degradation("vae_tiled", "techniques", "sliced", "tiled", 9 * Cards.Gb, 7 * Cards.Gb, "The decoder works in tiles.");
        var step = new JobDegraded { JobId = claim.JobId, Attempt = 1, Phase = JobPhase.Decoding, FromRung = "sliced", ToRung = "tiled", Degradation = tiled };

        using var first = await small.SayAsync(claim, "degraded", step);
        using var again = await small.SayAsync(claim, "degraded", step);

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (first.StatusCode, again.StatusCode));
        while (await events.MoveNextAsync() && events.Current.EventType != JobEventTypes.Degraded)
        {
            ct.ThrowIfCancellationRequested();
        }

        var told = JsonSerializer.Deserialize<JobEventData>(events.Current.Data, I2VJson.Options)!;
        Assert.Equal(new DegradedStep(JobPhase.Decoding, "sliced", "tiled", tiled), told.Degraded);
        var job = await GetAsync(id);
        Assert.Equal((JobStatus.Running, "tiled", 768), (job.Status, job.Applied.Rung, job.Applied.Width));
        Assert.Equal([tiled], job.Degradations);
        var workers = await gateway.Client.GetAsync("/v1/workers", ct).ReadAsync<WorkerList>();
        Assert.Equal(("busy", "tiled", 8 * Cards.Gb), (workers.Data[0].State, workers.Data[0].Rung, workers.Data[0].Device.MemoryTotalBytes));
    }

    [Fact]
    public async Task Reports_of_who_no_longer_holds_the_lease_change_nothing()
    {
        var id = (await SubmitAsync(Large768, "degrade")).Id;
        var claim = (await small.ClaimAsync())!;
        var refusal = Refusal(claim, 5, 2);
        var step = new JobDegraded { JobId = claim.JobId, Attempt = 1, Phase = JobPhase.Denoising, FromRung = "resident", ToRung = "sliced" };

        foreach (var stale in new[] { claim with { LeaseToken = Guid.NewGuid() }, claim with { JobId = Guid.NewGuid() }, claim with { Attempt = 2 } })
        {
            using var refused = await small.SayAsync(stale, "refuse", refusal with { JobId = stale.JobId, Attempt = stale.Attempt });
            using var degraded = await small.SayAsync(stale, "degraded", step with { JobId = stale.JobId, Attempt = stale.Attempt });

            await ApiFixture.ProblemAsync(refused, HttpStatusCode.Conflict, ErrorCode.Conflict);
            await ApiFixture.ProblemAsync(degraded, HttpStatusCode.Conflict, ErrorCode.Conflict);
        }

        var job = await GetAsync(id);
        Assert.Equal((JobStatus.Running, null), (job.Status, job.Applied.Rung));
    }

    [Fact]
    public async Task Malformed_reports_are_refused_with_their_pointer()
    {
        await SubmitAsync(Large768, "degrade");
        var claim = (await small.ClaimAsync())!;
        var refusal = Refusal(claim, 5, 2);
        var step = new JobDegraded { JobId = claim.JobId, Attempt = 1, Phase = JobPhase.Denoising, FromRung = "sliced", ToRung = "sliced" };

        foreach (var (verb, report, pointer) in new (string, object, string)[]
        {
            ("refuse", refusal with { Code = "too_big" }, "/code"),
            ("refuse", refusal with { NeededBytes = -1 }, "/needed_bytes"),
            ("refuse", refusal with { Message = " " }, "/message"),
            ("degraded", step, "/degradation"),
            ("degraded", step with { ToRung = "" }, "/to_rung"),
            ("degraded", step with { Phase = JobPhase.Unknown }, "/phase"),
        })
        {
            using var answer = await small.SayAsync(claim, verb, report);
            Assert.Equal(pointer, Assert.Single((await ApiFixture.ProblemAsync(answer, HttpStatusCode.BadRequest, ErrorCode.InvalidInput)).Errors!).Pointer);
        }
    }

    private static RefuseJob Refusal(ClaimedJob claim, int neededGb, int freeGb) => new()
    {
        JobId = claim.JobId,
        Attempt = claim.Attempt,
        Code = ErrorCode.VramInsufficient,
        NeededBytes = neededGb * Cards.Gb,
        FreeBytes = freeGb * Cards.Gb,
        Message = "Too little memory is free.",
    };

    private async Task RefuseAsync(ClaimedJob claim, int neededGb, int freeGb)
    {
        var worker = claim.Attempt == 1 ? small : large;
        using var answer = await worker.SayAsync(claim, "refuse", Refusal(claim, neededGb, freeGb));
        Assert.Equal(JobStatus.Queued, (await answer.ReadAsync<AttemptEnded>()).Status);
    }

    private async Task<JobObject> SubmitAsync(string body, string policy)
    {
        var photo = $"data:image/png;base64,{Convert.ToBase64String(ApiFixture.Photo)}";
        var json = body.Replace("$photo", photo, StringComparison.Ordinal).Replace("$policy", policy, StringComparison.Ordinal);
        using var response = await gateway.Client.PostAsync("/v1/jobs", ApiFixture.Json(json), ct);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync(ct));
        return await response.ReadAsync<JobObject>();
    }

    private static Guid Id(string job) => JobId.TryParse(job, out var id) ? id : throw new FormatException($"{job} is no job's id.");

    private Task<string> LaneOfAsync(string id) => gateway.ScalarAsync<string>("select lane from jobs where id = $1", Id(id));

    private Task<long> NeededOfAsync(string id) => gateway.ScalarAsync<long>("select needed_bytes from jobs where id = $1", Id(id));

    private async Task<JobObject> GetAsync(string id) => await gateway.Client.GetAsync($"/v1/jobs/{id}", ct).ReadAsync<JobObject>();
}
