using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Jobs;

public sealed class JobLifecycleTests(ApiFixture api) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await api.EmptyAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_finished_job_links_to_its_film_and_poster()
    {
        var job = await api.MakeFilmAsync(("seed", "7"), ("prompt", "pan right"));

        Assert.Equal((JobStatus.Succeeded, 7L), (job.Status, job.Output!.Seed));
        Assert.Equal((128, 86, 16), (job.Output.Video!.Width, job.Output.Video.Height, job.Output.Video.NumFrames));
        Assert.Equal(("full", "test/cpu-0"), (job.Applied.Rung, job.Attempt!.Worker));
        Assert.NotNull(job.Metrics!.QueueSeconds);
        using var plain = new HttpClient();
        var film = await plain.GetByteArrayAsync(job.Output.Video.Url, ct);
        Assert.Equal(job.Output.Video.Sha256, Convert.ToHexStringLower(SHA256.HashData(film)));
        Assert.Equal([0xff, 0xd8], (await plain.GetByteArrayAsync(job.Output.Poster!.Url, ct))[..2]);
    }

    [Fact]
    public async Task Content_redirects_to_a_link_or_gives_the_bytes_to_who_accepts_their_type()
    {
        var job = await api.MakeFilmAsync();
        using var redirect = await api.Client.GetAsync($"/v1/jobs/{job.Id}/content", ct);
        using var bytes = await GetAsync($"/v1/jobs/{job.Id}/content?variant=video", "video/mp4");
        using var part = await GetAsync($"/v1/jobs/{job.Id}/content", "video/mp4", new RangeHeaderValue(4, 7));
        using var beyond = await GetAsync($"/v1/jobs/{job.Id}/content", "video/mp4", new RangeHeaderValue(1 << 30, null));
        using var poster = await GetAsync($"/v1/jobs/{job.Id}/content?variant=poster", "image/jpeg");

        Assert.Equal(HttpStatusCode.Found, redirect.StatusCode);
        using var plain = new HttpClient();
        var film = await plain.GetByteArrayAsync(redirect.Headers.Location, ct);
        Assert.Equal(film, await bytes.Content.ReadAsByteArrayAsync(ct));
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal("ftyp"u8.ToArray(), await part.Content.ReadAsByteArrayAsync(ct));
        Assert.Equal(film.Length, part.Content.Headers.ContentRange!.Length);
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
        Assert.Equal("image/jpeg", poster.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Content_that_is_not_there_says_why()
    {
        var job = await api.SubmitAsync();
        using var early = await api.Client.GetAsync($"/v1/jobs/{job.Id}/content", ct);
        using var odd = await api.Client.GetAsync($"/v1/jobs/{job.Id}/content?variant=gif", ct);
        await api.Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, ct);
        using var canceled = await api.Client.GetAsync($"/v1/jobs/{job.Id}/content", ct);

        await ApiFixture.ProblemAsync(early, HttpStatusCode.Conflict, ErrorCode.Conflict);
        await ApiFixture.ProblemAsync(odd, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
        await ApiFixture.ProblemAsync(canceled, HttpStatusCode.NotFound, ErrorCode.NotFound);
    }

    [Fact]
    public async Task An_ETag_saves_the_body_until_the_job_changes()
    {
        var job = await api.SubmitAsync();
        using var first = await api.Client.GetAsync($"/v1/jobs/{job.Id}", ct);
        using var same = await GetIfNotAsync(job.Id, first.Headers.ETag!);
        await api.Worker.ClaimAsync();
        using var changed = await GetIfNotAsync(job.Id, first.Headers.ETag!);

        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        Assert.NotEqual(first.Headers.ETag, changed.Headers.ETag);
    }

    [Fact]
    public async Task A_long_poll_answers_when_the_job_ends()
    {
        var job = await api.SubmitAsync();
        var waiting = api.Client.GetAsync($"/v1/jobs/{job.Id}?wait=60", ct).ReadAsync<JobObject>();
        var claim = (await api.Worker.ClaimAsync())!;
        await api.Worker.BeatAsync(claim, JobPhase.Denoising, 50, 2);
        await api.Worker.FailAsync(claim, ErrorCode.ImageUnreadable, "The picture cannot be read.");

        var ended = await waiting;

        Assert.Equal((JobStatus.Failed, ErrorCode.ImageUnreadable, false), (ended.Status, ended.Error!.Code, ended.Error.Retryable));
    }

    [Fact]
    public async Task A_long_poll_with_an_ETag_answers_at_the_next_change()
    {
        var job = await api.SubmitAsync();
        using var first = await api.Client.GetAsync($"/v1/jobs/{job.Id}", ct);
        var waiting = GetIfNotAsync(job.Id, first.Headers.ETag!, "?wait=60");
        await api.Worker.ClaimAsync();

        using var changed = await waiting;

        Assert.Equal(JobStatus.Running, (await changed.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!.Status);
    }

    [Theory]
    [InlineData("61")]
    [InlineData("soon")]
    [InlineData("-1")]
    public async Task A_wait_that_is_none_is_400(string wait)
    {
        using var response = await api.Client.GetAsync($"/v1/jobs/{JobId.Format(Guid.Empty)}?wait={wait}", ct);

        await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
    }

    [Fact]
    public async Task Cancel_ends_a_waiting_job_and_asks_a_running_one()
    {
        var waits = await api.SubmitAsync();
        var first = await CancelAsync(waits.Id);
        var again = await CancelAsync(waits.Id);
        var runs = await api.SubmitAsync();
        var claim = (await api.Worker.ClaimAsync())!;
        var asked = await CancelAsync(runs.Id);
        var told = await api.Worker.BeatAsync(claim, JobPhase.Denoising, 10);
        await api.Worker.FailAsync(claim, ErrorCode.Internal, "Canceled.");

        Assert.Equal(("canceled", JobStatus.Canceled), (first.Result, first.Job.Status));
        Assert.Equal(first.Job.Status, again.Job.Status);
        Assert.Equal(("canceling", JobStatus.Running, "canceling"), (asked.Result, asked.Job.Status, asked.Job.StatusReason));
        Assert.Equal(HeartbeatAction.Cancel, told);
        Assert.Equal(JobStatus.Canceled, (await api.GetAsync(runs.Id)).Status);
    }

    [Fact]
    public async Task Cancel_of_a_finished_job_changes_nothing()
    {
        var job = await api.MakeFilmAsync();

        Assert.Equal("already_finished", (await CancelAsync(job.Id)).Result);
    }

    [Fact]
    public async Task Delete_removes_the_job_and_everything_that_it_stored()
    {
        var before = await api.Gateway.LeftoversAsync();
        var job = await api.MakeFilmAsync();
        var between = await api.Gateway.LeftoversAsync();

        using var deleted = await api.Client.DeleteAsync($"/v1/jobs/{job.Id}", ct);
        using var again = await api.Client.DeleteAsync($"/v1/jobs/{job.Id}", ct);

        Assert.NotEqual(before, between);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await ApiFixture.ProblemAsync(again, HttpStatusCode.NotFound, ErrorCode.NotFound);
        Assert.Equal(WithoutTickets(before), WithoutTickets(await api.Gateway.LeftoversAsync()));
    }

    [Fact]
    public async Task Delete_takes_a_running_job_from_its_worker()
    {
        var job = await api.SubmitAsync();
        var claim = (await api.Worker.ClaimAsync())!;
        var deleting = api.Client.DeleteAsync($"/v1/jobs/{job.Id}", ct);
        while (await api.Worker.BeatAsync(claim, JobPhase.Denoising, 10) == HeartbeatAction.Continue)
        {
            ct.ThrowIfCancellationRequested();
        }

        await api.Worker.FailAsync(claim, ErrorCode.Internal, "Canceled.");

        using var deleted = await deleting;
        using var gone = await api.Client.GetAsync($"/v1/jobs/{job.Id}", ct);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Fact]
    public async Task Attempts_tell_who_tried_and_what_went_wrong()
    {
        var job = await api.SubmitAsync();
        await api.Worker.FailAsync((await api.Worker.ClaimAsync())!, ErrorCode.InferenceFailed, "The device was lost.");

        var attempts = await api.Client.GetAsync($"/v1/jobs/{job.Id}/attempts", ct).ReadAsync<JobAttemptList>();
        var retrying = await api.GetAsync(job.Id);

        var attempt = Assert.Single(attempts.Data);
        Assert.Equal((1, "test/cpu-0", "failed", ErrorCode.InferenceFailed), (attempt.Number, attempt.Worker, attempt.Outcome, attempt.Error!.Code));
        Assert.Equal((JobStatus.Queued, "retrying"), (retrying.Status, retrying.StatusReason));
        Assert.Contains("retry_delay", retrying.Queue!.BlockedBy);
    }

    [Fact]
    public async Task A_waiting_job_knows_how_many_are_ahead()
    {
        await api.SubmitAsync();
        await api.SubmitAsync(("priority", "5"));
        var last = await api.SubmitAsync();
        var urgent = await api.SubmitAsync(("priority", "9"));

        Assert.Equal((4, 3), ((await api.GetAsync(last.Id)).Queue!.Position, (await api.GetAsync(last.Id)).Queue!.Ahead));
        Assert.Equal(1, (await api.GetAsync(urgent.Id)).Queue!.Position);
    }

    [Fact]
    public async Task Models_tell_what_a_request_may_ask_of_them()
    {
        var models = await api.Client.GetAsync("/v1/models", ct).ReadAsync<ModelList>();
        var lab = await api.Client.GetAsync("/v1/models/lab", ct).ReadAsync<ModelObject>();
        using var none = await api.Client.GetAsync("/v1/models/sora", ct);

        Assert.Equal(["lab", "motion"], models.Data.Select(model => model.Id));
        Assert.Equal("motion", models.Data.Single(model => model.Default).Id);
        Assert.Equal(("4k+1", 8), (lab.Limits.FrameRule, lab.Limits.SizeMultipleOf));
        await ApiFixture.ProblemAsync(none, HttpStatusCode.NotFound, ErrorCode.NotFound);
    }

    /// <summary>A ticket names no job and harms nobody: it outlives its job until the broker is back.</summary>
    private static IEnumerable<string> WithoutTickets(IEnumerable<string> leftovers) =>
        leftovers.Where(line => !line.StartsWith("outbox", StringComparison.Ordinal));

    private async Task<CancelAnswer> CancelAsync(string id) => await api.Client.PostAsync($"/v1/jobs/{id}/cancel", null, ct).ReadAsync<CancelAnswer>();

    private async Task<HttpResponseMessage> GetAsync(string path, string accept, RangeHeaderValue? range = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Accept = { new(accept) }, Range = range } };
        return await api.Client.SendAsync(request, ct);
    }

    private async Task<HttpResponseMessage> GetIfNotAsync(string id, EntityTagHeaderValue seen, string query = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}{query}") { Headers = { IfNoneMatch = { seen } } };
        return await api.Client.SendAsync(request, ct);
    }
}
