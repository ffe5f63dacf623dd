using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>The worker protocol as a worker sees it: HTTP all the way, through to the stored film.</summary>
public sealed class WorkerProtocolTests : IAsyncLifetime
{
    private static readonly byte[] Film = "not really a film, but really these bytes"u8.ToArray();

    private readonly string model = $"model-{Guid.NewGuid():N}";
    private TestGateway gateway = null!;
    private HttpClient http = null!;
    private Guid worker;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        gateway = await SharedGateway.GetAsync();
        http = gateway.NewClient(gateway.WorkerKey);
        worker = await SharedGateway.RegisterAsync(http, model);
    }

    public ValueTask DisposeAsync()
    {
        http.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_worker_takes_a_job_from_its_claim_to_the_stored_film()
    {
        var id = await gateway.SubmitAsync(model);
        var job = await ClaimAsync();
        Assert.Equal((id, 1), (job.JobId, job.Attempt));
        Assert.Equal("a picture", await new HttpClient().GetStringAsync(job.InputUrl, Ct));
        Assert.Equal(HeartbeatAction.Continue, await BeatAsync(job));

        await UploadAsync(job, Film);
        var first = await CompleteAsync(job, Film);
        var again = await CompleteAsync(job, Film);

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(await first.Content.ReadAsStringAsync(Ct), await again.Content.ReadAsStringAsync(Ct));
        Assert.Equal(JobStatus.Succeeded, (await first.Content.ReadFromJsonAsync<AttemptEnded>(I2VJson.Options, Ct))!.Status);
        Assert.Equal(HeartbeatAction.Lost, await BeatAsync(job));
    }

    [Fact]
    public async Task Nothing_to_do_is_204()
    {
        var answer = await http.PostAsJsonAsync("/worker/v1/claims", new ClaimRequest { WorkerId = worker }, I2VJson.Options, Ct);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    [Fact]
    public async Task A_film_that_was_not_uploaded_or_is_another_one_is_not_believed()
    {
        await gateway.SubmitAsync(model);
        var job = await ClaimAsync();

        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await CompleteAsync(job, Film)).StatusCode);

        // Same size, other bytes: only reading them back finds it.
        byte[] other = [.. Film.Reverse()];
        await UploadAsync(job, other);
        var answer = await CompleteAsync(job, Film);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        Assert.Contains("SHA-256", (await ProblemAsync(answer)).Detail, StringComparison.Ordinal);
        Assert.Equal("running", await StateAsync(job.JobId));
    }

    [Fact]
    public async Task A_stale_attempt_is_refused_before_it_has_sent_a_byte()
    {
        await gateway.SubmitAsync(model);
        var job = await ClaimAsync();
        await gateway.Transitions().DeleteAsync(await gateway.TenantAsync(), job.JobId, Ct);

        Assert.Equal(HeartbeatAction.Lost, await BeatAsync(job));
        HttpResponseMessage[] answers =
        [
            await PostAsync(job, "uploads", new BeginUpload { JobId = job.JobId, Attempt = job.Attempt, Artifacts = [Artifact(Film)] }),
            await CompleteAsync(job, Film),
            await PostAsync(job, "fail", new FailJob { JobId = job.JobId, Attempt = job.Attempt, Code = ErrorCode.Internal, Message = "Late." }),
            await PostAsync(job, "release", new ReleaseJob { JobId = job.JobId, Attempt = job.Attempt, Reason = "Late." }),
        ];

        foreach (var answer in answers)
        {
            Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
            Assert.Equal(ErrorCode.Conflict, (await ProblemAsync(answer)).Code);
        }
    }

    [Fact]
    public async Task Malformed_reports_are_refused_with_their_pointer()
    {
        await gateway.SubmitAsync(model);
        var job = await ClaimAsync();

        var twice = await PostAsync(job, "uploads", new BeginUpload { JobId = job.JobId, Attempt = 1, Artifacts = [Artifact(Film), Artifact(Film)] });
        var traversal = await PostAsync(
            job, "uploads", new BeginUpload { JobId = job.JobId, Attempt = 1, Artifacts = [Artifact(Film) with { Name = "../../other" }] });
        var noVideo = await PostAsync(job, "complete", new CompleteJob
        {
            JobId = job.JobId,
            Attempt = 1,
            Artifacts = [Artifact(Film) with { Name = "poster", ContentType = "image/jpeg" }],
            Applied = new AppliedSettings(),
        });
        var noCode = await PostAsync(job, "fail", new FailJob { JobId = job.JobId, Attempt = 1, Code = "Not a code!", Message = "x" });

        Assert.Equal("/artifacts", Assert.Single((await ProblemAsync(twice)).Errors!).Pointer);
        Assert.Equal("/artifacts/0", Assert.Single((await ProblemAsync(traversal)).Errors!).Pointer);
        Assert.Equal("/artifacts", Assert.Single((await ProblemAsync(noVideo)).Errors!).Pointer);
        Assert.Equal("/code", Assert.Single((await ProblemAsync(noCode)).Errors!).Pointer);
        Assert.Equal("running", await StateAsync(job.JobId));
    }

    [Fact]
    public async Task A_failed_attempt_is_told_what_becomes_of_its_job()
    {
        var id = await gateway.SubmitAsync(model);
        var job = await ClaimAsync();

        var answer = await PostAsync(job, "fail", new FailJob { JobId = id, Attempt = 1, Code = ErrorCode.ImageUnreadable, Message = "Not an image." });

        Assert.Equal(new AttemptEnded(JobStatus.Failed, null), await answer.Content.ReadFromJsonAsync<AttemptEnded>(I2VJson.Options, Ct));
    }

    [Fact]
    public async Task The_fleet_shows_a_busy_worker_and_its_job_to_the_jobs_tenant_only()
    {
        var id = await gateway.SubmitAsync(model);
        await ClaimAsync();
        using var owner = gateway.NewClient(gateway.ApiKey);
        using var stranger = gateway.NewClient(await gateway.AddKeyAsync("stranger", "jobs:read"));

        var seen = await owner.GetFromJsonAsync<WorkerObject>($"/v1/workers/{worker}", I2VJson.Options, Ct);
        var seenByStranger = (await stranger.GetFromJsonAsync<WorkerList>("/v1/workers", I2VJson.Options, Ct))!.Data.Single(row => row.Id == worker);

        Assert.Equal(("busy", JobId.Format(id)), (seen!.State, seen.CurrentJob));
        Assert.Equal(("busy", null), (seenByStranger.State, seenByStranger.CurrentJob));
        Assert.Equal([model], seen.Models);
    }

    [Fact]
    public async Task An_idle_worker_is_seen_and_one_that_said_goodbye_must_register_again()
    {
        var beat = new IdleHeartbeat { State = "draining", MemoryFreeBytes = 123, WarmModel = model };
        Assert.Equal(new IdleHeartbeatAnswer(Drain: false), await http.PostAsJsonAsync($"/worker/v1/workers/{worker}/heartbeat", beat, I2VJson.Options, Ct).ReadAsync<IdleHeartbeatAnswer>());
        using var user = gateway.NewClient(gateway.ApiKey);
        var seen = await user.GetFromJsonAsync<WorkerObject>($"/v1/workers/{worker}", I2VJson.Options, Ct);
        Assert.Equal(("draining", 123L, model), (seen!.State, seen.Device.MemoryFreeBytes, seen.WarmModel));

        Assert.Equal(HttpStatusCode.NoContent, (await http.DeleteAsync($"/worker/v1/workers/{worker}", Ct)).StatusCode);

        Assert.Equal(HttpStatusCode.NotFound, (await http.PostAsJsonAsync($"/worker/v1/workers/{worker}/heartbeat", beat, I2VJson.Options, Ct)).StatusCode);
        Assert.Equal(
            HttpStatusCode.NotFound, (await http.PostAsJsonAsync("/worker/v1/claims", new ClaimRequest { WorkerId = worker }, I2VJson.Options, Ct)).StatusCode);
    }

    private async Task<ClaimedJob> ClaimAsync()
    {
        var answer = await http.PostAsJsonAsync("/worker/v1/claims", new ClaimRequest { WorkerId = worker }, I2VJson.Options, Ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<ClaimedJob>(I2VJson.Options, Ct))!;
    }

    private async Task<HeartbeatAction> BeatAsync(ClaimedJob job)
    {
        var answer = await PostAsync(job, "heartbeat", new ClaimHeartbeat
        {
            JobId = job.JobId,
            Attempt = job.Attempt,
            Progress = new JobProgress { Phase = JobPhase.Denoising, Percent = 10 },
        });
        return (await answer.Content.ReadFromJsonAsync<HeartbeatAnswer>(I2VJson.Options, Ct))!.Action;
    }

    private async Task UploadAsync(ClaimedJob job, byte[] film)
    {
        var answer = await PostAsync(job, "uploads", new BeginUpload { JobId = job.JobId, Attempt = job.Attempt, Artifacts = [Artifact(film)] });
        var target = Assert.Single((await answer.Content.ReadFromJsonAsync<UploadTargets>(I2VJson.Options, Ct))!.Uploads);
        using var content = new ByteArrayContent(film);
        using var put = new HttpRequestMessage(HttpMethod.Put, target.Url) { Content = content };
        foreach (var (name, value) in target.Headers)
        {
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                content.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
            }
            else if (!put.Headers.TryAddWithoutValidation(name, value))
            {
                content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var storage = new HttpClient();
        (await storage.SendAsync(put, Ct)).EnsureSuccessStatusCode();
    }

    private Task<HttpResponseMessage> CompleteAsync(ClaimedJob job, byte[] film) => PostAsync(job, "complete", new CompleteJob
    {
        JobId = job.JobId,
        Attempt = job.Attempt,
        Artifacts = [Artifact(film)],
        Applied = new AppliedSettings(new JobSettings { Width = 64, Height = 64 }) { Rung = "full" },
    });

    private Task<HttpResponseMessage> PostAsync<T>(ClaimedJob job, string verb, T report) =>
        http.PostAsJsonAsync($"/worker/v1/claims/{job.LeaseToken}/{verb}", report, I2VJson.Options, Ct);

    private static Artifact Artifact(byte[] film) => Samples.Video(Convert.ToHexStringLower(SHA256.HashData(film)), film.Length);

    private static async Task<Problem> ProblemAsync(HttpResponseMessage answer)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        return (await answer.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, Ct))!;
    }

    private Task<string> StateAsync(Guid job) => gateway.ScalarAsync<string>("select state from jobs where id = $1", job);
}
