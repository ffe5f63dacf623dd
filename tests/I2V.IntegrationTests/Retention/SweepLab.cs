using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using I2V.Gateway.Retention;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace I2V.IntegrationTests.Retention;

/// <summary>A gateway over one kind of store that sweeps only when it is told to, and a worker that leaves things behind.</summary>
public abstract class SweepLab : IAsyncLifetime
{
    private readonly HttpClient plain = new();

    internal TestGateway Gateway { get; private set; } = null!;

    internal FakeWorker Worker { get; private set; } = null!;

    internal IObjectStore Store => Gateway.Services.GetRequiredService<IObjectStore>();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Gateway = await TestGateway.StartAsync([("Retention:SweepSeconds", "3600"), ("Retention:BatchSize", "2"), .. await StorageAsync()]);
        await Store.CheckAsync(Ct);
        Worker = new FakeWorker(Gateway);
        await Worker.RegisterAsync(FakeWorker.Motion);
    }

    public async ValueTask DisposeAsync()
    {
        Worker.Dispose();
        plain.Dispose();
        await Gateway.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal Task SweepAsync() => SweepAsync(Gateway);

    internal static Task SweepAsync(TestGateway gateway) => gateway.Services.GetRequiredService<Sweeper>().SweepAsync(Ct);

    /// <summary>Walks through everything that is stored, as if it were so much later.</summary>
    internal async Task<int> WalkAsync(TimeSpan later)
    {
        await Gateway.ExecuteAsync("update object_scan set marker = '', taken_until = '-infinity', next_page_at = '-infinity'");
        var walk = new UnknownObjects(Gateway.Database, Store, Options.Create(new RetentionOptions()), new LaterClock(later));
        return await walk.SweepAsync(Ct);
    }

    internal Task<JobObject> SubmitAsync() => ApiFixture.SubmitAsync(Gateway.Client);

    internal async Task<ClaimedJob> StartAsync()
    {
        await Gateway.ExecuteAsync("delete from jobs where state = 'queued'");
        await SubmitAsync();
        return (await Worker.ClaimAsync())!;
    }

    internal async Task<JobObject> MakeFilmAsync()
    {
        var claim = await StartAsync();
        await Worker.CompleteAsync(claim);
        return await Gateway.Client.GetAsync($"/v1/jobs/{JobId.Format(claim.JobId)}", Ct).ReadAsync<JobObject>();
    }

    /// <summary>Uploads something as the attempt's video, and does not say that it is complete.</summary>
    internal async Task UploadAsync(ClaimedJob job)
    {
        var bytes = RandomNumberGenerator.GetBytes(100);
        var video = new Artifact { Name = "video", ContentType = "video/mp4", Bytes = bytes.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)) };
        using var answer = await Worker.SayAsync(job, "uploads", new BeginUpload { JobId = job.JobId, Attempt = job.Attempt, Artifacts = [video] });
        answer.EnsureSuccessStatusCode();
        var target = (await answer.Content.ReadFromJsonAsync<UploadTargets>(I2VJson.Options, Ct))!.Uploads.Single();
        using var content = new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue("video/mp4") } };
        using var stored = await plain.PutAsync(target.Url, content, Ct);
        stored.EnsureSuccessStatusCode();
    }

    /// <summary>An attempt that stored something and then failed; the job waits for the next one.</summary>
    internal async Task<ClaimedJob> FailAfterUploadAsync()
    {
        var claim = await StartAsync();
        await UploadAsync(claim);
        await Worker.FailAsync(claim, ErrorCode.InferenceFailed, "The device was lost.");
        return claim;
    }

    internal Task LinksExpireAsync(Guid job) =>
        Gateway.ScalarAsync<int>(
            "with u as (update job_attempts set uploads_expire_at = clock_timestamp() - interval '16 minutes' where job_id = $1 returning 1) select count(*)::int from u", job);

    /// <summary>Lets the job have ended so much earlier.</summary>
    internal Task AgeAsync(string job, int days) =>
        Gateway.ScalarAsync<int>(
            """
            with j as (update jobs set finished_at = finished_at - make_interval(days => $2) where id = $1 returning id),
            a as (update job_attempts set uploads_expire_at = uploads_expire_at - make_interval(days => $2) where job_id = $1)
            select count(*)::int from j
            """,
            Id(job),
            days);

    internal async Task<IReadOnlyList<string>> StoredAsync(Guid job)
    {
        var prefix = ArtifactKeys.Job(await TenantAsync(), job);
        var keys = await Store.ListAsync(prefix, Ct).Select(found => found.Key[prefix.Length..]).ToListAsync(Ct);
        return [.. keys.Order(StringComparer.Ordinal)];
    }

    internal Task<Guid> TenantAsync() => Gateway.ScalarAsync<Guid>("select id from tenants where name = 'default'");

    internal static Guid Id(string job) => JobId.TryParse(job, out var id) ? id : throw new ArgumentException("Not a job's id.", nameof(job));

    protected abstract Task<(string Name, string Value)[]> StorageAsync();

    private sealed class LaterClock(TimeSpan later) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + later;
    }
}

public sealed class FolderSweepLab : SweepLab
{
    protected override Task<(string Name, string Value)[]> StorageAsync() => Task.FromResult(Array.Empty<(string, string)>());
}

public sealed class S3SweepLab : SweepLab
{
    protected override async Task<(string Name, string Value)[]> StorageAsync()
    {
        var server = await S3Server.GetAsync();
        return
        [
            ("Storage:Kind", "s3"), ("Storage:S3:Endpoint", server.Endpoint), ("Storage:S3:Bucket", server.BucketOrNew()),
            ("Storage:S3:AccessKey", server.AccessKey), ("Storage:S3:SecretKey", server.SecretKey),
        ];
    }
}
