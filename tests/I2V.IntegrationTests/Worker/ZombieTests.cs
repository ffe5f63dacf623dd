using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using I2V.IntegrationTests.Scheduling;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Gateway;

namespace I2V.IntegrationTests.Worker;

/// <summary>A worker that lost its lease and does not know it, against a real gateway and the real worker that has its job now.</summary>
public sealed class ZombieTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whatever_a_zombie_says_and_stores_the_second_attempts_film_stands()
    {
        await using var stack = await Stack.StartAsync();
        using var http = stack.NewWorkerClient();
        var zombie = new GatewayClient(http, TimeProvider.System);
        var me = await zombie.RegisterAsync(Samples.Registration("zombie", "zombie-0", "motion"), Ct);
        var job = await stack.SubmitAsync(await Photos.PatternAsync());
        var claim = (await zombie.ClaimAsync(new ClaimRequest { WorkerId = me.WorkerId }, Ct))!;
        var film = await FilmAsync("a film of the first attempt");
        var links = await zombie.BeginUploadAsync(claim.LeaseToken, Begin(claim, film), Ct);
        await UploadAsync(links, film);

        await stack.ExecuteAsync("update jobs set lease_expires_at = clock_timestamp()");
        var heir = await stack.StartWorkerAsync();
        var ended = await stack.WaitForEndAsync(job);
        Assert.True(ended.Status == JobStatus.Succeeded, ended.Error?.Message);
        Assert.Equal((2, heir.Name), (ended.Attempt!.Number, ended.Attempt.Worker));

        // It speaks first, and then stores another film by the link that it was given while it still held the lease.
        await AssertRefusedAsync(http, claim, film);
        await File.AppendAllTextAsync(film, "!", Ct);
        await Assert.ThrowsAsync<HttpRequestException>(() => UploadAsync(links, film)); // not the size that was signed
        await File.WriteAllTextAsync(film, "A FILM OF THE FIRST ATTEMPT", Ct);
        await UploadAsync(links, film);
        await AssertRefusedAsync(http, claim, film);

        await AssertStandsAsync(stack, ended);
        Assert.Equal(["lost", "succeeded"], (await stack.AttemptsAsync(job)).Select(attempt => attempt.Outcome));
        Assert.DoesNotContain("/a1/", await stack.ScalarAsync<string>("select outputs::text from jobs"), StringComparison.Ordinal);

        // Nothing refers to what the zombie stored; it goes with its job.
        Assert.Contains(Objects(stack), path => path.Contains("/a1/", StringComparison.Ordinal));
        using var deleted = await stack.Http.DeleteAsync(new Uri($"v1/jobs/{job.Id}", UriKind.Relative), Ct);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Empty(Objects(stack));
    }

    private static async Task AssertStandsAsync(Stack stack, JobObject ended)
    {
        var still = await stack.Api.GetJobAsync(ended.Id, Ct);
        Assert.Equal((ended.Status, ended.CompletedAt, 2), (still.Status, still.CompletedAt, still.Attempt!.Number));
        foreach (var (before, now) in ((OutputFile?, OutputFile?)[])
            [
                (ended.Output!.Video, still.Output!.Video),
                (ended.Output.Poster, still.Output.Poster),
                (ended.Output.Manifest, still.Output.Manifest),
            ])
        {
            var bytes = await stack.Http.GetByteArrayAsync(new Uri(now!.Url), Ct);
            Assert.Contains("/a2/", now.Url, StringComparison.Ordinal);
            Assert.Equal(before!.Sha256, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
    }

    private static async Task AssertRefusedAsync(HttpClient zombie, ClaimedJob claim, string film)
    {
        var complete = new CompleteJob { JobId = claim.JobId, Attempt = claim.Attempt, Artifacts = [Describe(film)], Applied = new AppliedSettings() };
        var fail = new FailJob { JobId = claim.JobId, Attempt = claim.Attempt, Code = ErrorCode.Internal, Message = "Late." };
        var release = new ReleaseJob { JobId = claim.JobId, Attempt = claim.Attempt, Reason = "Late." };
        foreach (var (verb, report) in ((string, object)[])[("uploads", Begin(claim, film)), ("complete", complete), ("fail", fail), ("release", release)])
        {
            using var body = JsonContent.Create(report, report.GetType(), options: I2VJson.Options);
            using var answer = await zombie.PostAsync(new Uri($"worker/v1/claims/{claim.LeaseToken}/{verb}", UriKind.Relative), body, Ct);
            var problem = await answer.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, Ct);
            Assert.Equal((verb, HttpStatusCode.Conflict, ErrorCode.Conflict), (verb, answer.StatusCode, problem!.Code));
        }

        var beat = new ClaimHeartbeat { JobId = claim.JobId, Attempt = claim.Attempt };
        var told = await new GatewayClient(zombie, TimeProvider.System).HeartbeatAsync(claim.LeaseToken, beat, Ct);
        Assert.Equal(HeartbeatAction.Lost, told.Action);
    }

    private static BeginUpload Begin(ClaimedJob claim, string film) =>
        new() { JobId = claim.JobId, Attempt = claim.Attempt, Artifacts = [Describe(film)] };

    private static Artifact Describe(string film)
    {
        var bytes = File.ReadAllBytes(film);
        return Samples.Video(Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length);
    }

    private static async Task<string> FilmAsync(string text)
    {
        var path = Path.Combine(TestFolder.Create("zombie"), "video.mp4");
        await File.WriteAllTextAsync(path, text, Ct);
        return path;
    }

    private static async Task UploadAsync(UploadTargets links, string film)
    {
        using var http = new HttpClient();
        await new SignedTransfer(http, TimeProvider.System).UploadAsync(Assert.Single(links.Uploads), film, Ct);
    }

    private static List<string> Objects(Stack stack) => [.. Directory.EnumerateFiles(stack.Objects, "*", SearchOption.AllDirectories)];
}
