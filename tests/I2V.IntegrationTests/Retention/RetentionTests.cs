using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using I2V.Gateway.Retention;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Scheduling;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Errors;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace I2V.IntegrationTests.Retention;

/// <summary>Rows that go, and what happens while the store is away.</summary>
public sealed class RetentionTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Jobs_go_with_all_they_have_when_they_ended_long_enough_ago()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        List<Guid> old = [];
        for (var i = 0; i < 5; i++)
        {
            old.Add(await EndAsync(lab, days: 31, filesGone: true));
        }

        var young = await EndAsync(lab, days: 29, filesGone: true);
        var withFilm = await EndAsync(lab, days: 31, filesGone: false);
        var waiting = await lab.SubmitAsync();
        await lab.ExecuteAsync(
            """
            insert into idempotency_keys (tenant_id, key, request_hash, job_id, expires_at)
            select $1, 'k' || n, '', $2, clock_timestamp() + interval '90 minutes' - interval '1 hour' * n from generate_series(1, 5) n
            """,
            lab.Tenant,
            waiting);

        var swept = await NewRows(lab, new RetentionOptions { BatchSize = 2 }).SweepAsync(Ct);

        Assert.Equal((5, 4), (swept.Jobs, swept.Keys));
        Assert.Equal(new[] { young, withFilm, waiting }.Order(), (await lab.ScalarAsync<Guid[]>("select array_agg(id) from jobs")).Order());
        foreach (var table in new[] { "job_events", "job_attempts" })
        {
            Assert.Equal(0L, await lab.ScalarAsync<long>($"select count(*) from {table} where job_id = any($1)", old.ToArray()));
        }
    }

    [Fact]
    public async Task A_locked_job_is_passed_over()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        var locked = await EndAsync(lab, days: 40, filesGone: true);
        await EndAsync(lab, days: 31, filesGone: true);
        await using var connection = await lab.Database.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        await using (var hold = connection.CreateCommand())
        {
            hold.CommandText = $"select id from jobs where id = '{locked}' for update";
            await hold.ExecuteScalarAsync(Ct);
        }

        Assert.Equal(1, (await NewRows(lab, new RetentionOptions()).SweepAsync(Ct)).Jobs);

        await transaction.RollbackAsync(Ct);
        Assert.Equal(1, (await NewRows(lab, new RetentionOptions()).SweepAsync(Ct)).Jobs);
    }

    [Fact]
    public async Task Only_the_attempt_that_holds_the_lease_gets_upload_links()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        var lease = await lab.RunAsync();
        var minute = TimeSpan.FromMinutes(1);

        Assert.True(await lab.Transitions.BeginUploadAsync(lease, minute, Ct));
        Assert.False(await lab.Transitions.BeginUploadAsync(lease with { Token = Guid.NewGuid() }, minute, Ct));
        Assert.False(await lab.Transitions.BeginUploadAsync(lease with { Attempt = 2 }, minute, Ct));
        await lab.Transitions.FailAsync(lease, ErrorCode.InferenceFailed, "The device was lost.", Ct);
        Assert.False(await lab.Transitions.BeginUploadAsync(lease, TimeSpan.FromHours(1), Ct));

        Assert.True(await lab.ScalarAsync<bool>("select uploads_expire_at < clock_timestamp() + interval '2 minutes' from job_attempts where job_id = $1", lease.JobId));
    }

    [Fact]
    public async Task The_database_names_a_jobs_objects_as_the_gateway_does()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        var (tenant, job) = (Guid.NewGuid(), Guid.NewGuid());

        Assert.Equal(ArtifactKeys.Job(tenant, job), await lab.ScalarAsync<string>("select job_prefix($1, $2)", tenant, job));
    }

    [Fact]
    public async Task A_store_that_is_away_is_tried_again_later_and_counted()
    {
        var away = await TestGateway.StartAsync(
            ("Retention:SweepSeconds", "3600"), ("Storage:Kind", "s3"), ("Storage:S3:Endpoint", "http://127.0.0.1:1"),
            ("Storage:S3:AccessKey", "a"), ("Storage:S3:SecretKey", "b"));
        await away.ExecuteAsync($"insert into doomed_objects (prefix, due_at) values ('{ArtifactKeys.Job(Guid.NewGuid(), Guid.NewGuid())}', clock_timestamp())");
        using var postponed = new Counted(away.Services.GetRequiredService<IMeterFactory>(), "i2v.sweep.postponed");

        await SweepLab.SweepAsync(away);

        Assert.Equal(["storage"], postponed.Reasons);
        Assert.Equal(
            "1 t t",
            await away.ScalarAsync<string>("select concat_ws(' ', tries, due_at > clock_timestamp() + interval '50 seconds', last_error like '%S3 server%') from doomed_objects"));
        await away.DisposeAsync();
    }

    [Theory]
    [InlineData("Retention:OrphanHours", "0")]
    [InlineData("Retention:JobDays", "0")]
    [InlineData("Retention:BatchSize", "5000")]
    [InlineData("Retention:SweepSeconds", "0")]
    [InlineData("Retention:ScanHours", "-1")]
    public async Task A_setting_that_cannot_be_meant_stops_the_gateway_with_its_name(string name, string value)
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => TestGateway.StartAsync((name, value)));

        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("t/{0}/j/{1}/a0/video.mp4")]
    [InlineData("t/{0}/j/{1}/b1/video.mp4")]
    [InlineData("t/{0}/j/{1}/a1/b/video.mp4")]
    [InlineData("t/{0}/j/x/input.png")]
    [InlineData("t/{0}/u/{1}")]
    [InlineData("x/{0}/j/{1}/input.png")]
    public void A_name_that_is_no_jobs_is_nobodys(string form)
    {
        var (tenant, job) = (Guid.NewGuid(), Guid.NewGuid());
        Assert.Equal(new StoredFor(tenant, job, 0), StoredFor.Parse(ArtifactKeys.Input(tenant, job)));
        Assert.Equal(new StoredFor(tenant, job, 12), StoredFor.Parse(ArtifactKeys.Manifest(tenant, job, 12)));

        Assert.Null(StoredFor.Parse(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, tenant.ToString("N"), job.ToString("N"))));
    }

    private static EndedRows NewRows(SchedulingLab lab, RetentionOptions options) => new(lab.Database, Options.Create(options));

    private static async Task<Guid> EndAsync(SchedulingLab lab, int days, bool filesGone)
    {
        var lease = await lab.RunAsync();
        Assert.NotNull(await lab.Transitions.CompleteAsync(lease, Samples.Result(), Ct));
        await lab.ExecuteAsync(
            "update jobs set finished_at = finished_at - make_interval(days => $2), output_expires_in = 604800, files_gone_at = case when $3 then clock_timestamp() end where id = $1",
            lease.JobId,
            days,
            filesGone);
        if (!filesGone)
        {
            // Its film is kept for longer than jobs are.
            await lab.ExecuteAsync("update jobs set output_expires_in = 3000000 where id = $1", lease.JobId);
        }

        return lease.JobId;
    }

    /// <summary>Listens to one counter of one gateway.</summary>
    private sealed class Counted : IDisposable
    {
        private readonly MeterListener listener = new();
        private readonly ConcurrentQueue<string> reasons = new();

        public Counted(IMeterFactory factory, string name)
        {
            listener.InstrumentPublished = (instrument, all) =>
            {
                if (instrument.Name == name && instrument.Meter.Scope == factory)
                {
                    all.EnableMeasurementEvents(instrument);
                }
            };
            listener.SetMeasurementEventCallback<long>((_, _, tags, _) => reasons.Enqueue((string)tags[0].Value!));
            listener.Start();
        }

        public IReadOnlyList<string> Reasons => [.. reasons];

        public void Dispose() => listener.Dispose();
    }
}
