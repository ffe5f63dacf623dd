using I2V.Gateway.Access;
using I2V.Gateway.Database;
using I2V.Gateway.Scheduling;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>A migrated database of its own with the transitions over it: no process, no broker, no clock to wait for.</summary>
public sealed class SchedulingLab : IAsyncDisposable
{
    public const string Model = "motion";

    private int workers;

    private SchedulingLab(string connectionString, NpgsqlDataSource database, SchedulingOptions options)
    {
        ConnectionString = connectionString;
        Database = database;
        Transitions = new JobTransitions(database, new QueueQuota(TimeProvider.System), Signals, Options.Create(options));
    }

    public string ConnectionString { get; }

    public NpgsqlDataSource Database { get; }

    public Guid Tenant { get; private set; }

    internal JobSignals Signals { get; } = new();

    internal JobTransitions Transitions { get; }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    internal static async Task<SchedulingLab> CreateAsync(SchedulingOptions? options = null)
    {
        var connectionString = await TestServers.NewDatabaseAsync();
        await NewStartup(connectionString).StartAsync(Ct);
        var lab = new SchedulingLab(connectionString, DatabaseExtensions.CreateDataSource(connectionString), options ?? new SchedulingOptions());
        lab.Tenant = await lab.AddTenantAsync("lab");
        return lab;
    }

    internal static DatabaseStartup NewStartup(string connectionString)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["ConnectionStrings:Jobs"] = connectionString })
            .Build();
        var access = Options.Create(new AccessOptions { Pepper = Convert.ToBase64String(new byte[32]) });
        return new DatabaseStartup(
            configuration, new BootstrapKeys(access, TimeProvider.System), TimeProvider.System, NullLogger<DatabaseStartup>.Instance);
    }

    public async Task<Guid> AddTenantAsync(string name, int weight = 1, int maxRunning = 1000, int maxQueued = 100_000)
    {
        var id = Guid.CreateVersion7();
        await ExecuteAsync(
            "insert into tenants (id, name, weight, max_running, max_queued) values ($1, $2, $3, $4, $5)", id, name, weight, maxRunning, maxQueued);
        return id;
    }

    /// <summary>A worker on a device of its own, unless one is named.</summary>
    public async Task<Guid> AddWorkerAsync(string? device = null, params string[] models)
    {
        var id = Guid.CreateVersion7();
        var name = FormattableString.Invariant($"worker-{Interlocked.Increment(ref workers)}");
        await Transitions.RegisterWorkerAsync(new NewWorker(id, Samples.Registration(name, device ?? name, models.Length == 0 ? [Model] : models)), Ct);
        return id;
    }

    internal NewJob NewJob(Guid? tenant = null, int priority = 0, string model = Model)
    {
        var id = Guid.CreateVersion7();
        return new NewJob
        {
            Id = id,
            TenantId = tenant ?? Tenant,
            Lane = Lanes.ForModel(model),
            Priority = priority,
            Requested = new JobSettings { Prompt = "slow zoom in" },
            Spec = new JobSpec { Model = model, Settings = new JobSettings { Prompt = "slow zoom in", Seed = 1 }, Fit = new JobFit() },
            Input = new JobInput($"t/{id:N}/input.png", new string('0', 64), 64, 64, 100),
        };
    }

    internal async Task<Guid> SubmitAsync(NewJob? job = null)
    {
        job ??= NewJob();
        Assert.Equal(new SubmitResult.Created(job.Id), await Transitions.SubmitAsync(job, key: null, Ct));
        return job.Id;
    }

    internal async Task<LeasedJob?> TryClaimAsync(Guid worker, string? warm = null, long? free = 1 << 30, long? hostFree = null) =>
        await Transitions.ClaimAsync(new Claimant(worker, free, warm, hostFree), Ct) switch
        {
            ClaimResult.Claimed claimed => claimed.Job,
            ClaimResult.NothingWaits => null,
            var other => throw new InvalidOperationException($"The claim was answered {other}."),
        };

    internal async Task<LeasedJob> ClaimAsync(Guid worker, string? warm = null) =>
        await TryClaimAsync(worker, warm) ?? throw new InvalidOperationException("Nothing waits for this worker.");

    /// <summary>A job that some worker runs.</summary>
    internal async Task<Lease> RunAsync(NewJob? job = null)
    {
        job ??= NewJob();
        await SubmitAsync(job);
        var claimed = await ClaimAsync(await AddWorkerAsync(device: null, job.Spec.Model));
        Assert.Equal(job.Id, claimed.Lease.JobId);
        return claimed.Lease;
    }

    /// <summary>Lets the lease lapse now instead of in thirty seconds.</summary>
    public Task LapseAsync(Guid job) =>
        ExecuteAsync("update jobs set lease_expires_at = clock_timestamp() - interval '1 second' where id = $1 and state = 'running'", job);

    /// <summary>Ends the wait before the next attempt.</summary>
    public Task MakeDueAsync(Guid job) => ExecuteAsync("update jobs set available_at = clock_timestamp() where id = $1", job);

    public Task<string> StateAsync(Guid job) => ScalarAsync<string>("select state from jobs where id = $1", job);

    /// <summary>Everything that the database says about the job, to show that nothing has changed.</summary>
    public Task<string> EverythingAsync(Guid job) => ScalarAsync<string>(
        """
        select (select to_jsonb(j) from jobs j where j.id = $1)::text
            || coalesce((select jsonb_agg(a order by a.attempt) from job_attempts a where a.job_id = $1)::text, '')
            || coalesce((select jsonb_agg(e order by e.seq) from job_events e where e.job_id = $1)::text, '')
        """,
        job);

    public async Task<IReadOnlyList<string>> EventsAsync(Guid job) =>
        await ScalarAsync<string[]>("select coalesce(array_agg(type order by seq), '{}') from job_events where job_id = $1", job);

    public async Task<T> ScalarAsync<T>(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        return (T)(await command.ExecuteScalarAsync(Ct))!;
    }

    public async Task<int> ExecuteAsync(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteNonQueryAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        Signals.Dispose();
        await Database.DisposeAsync();
    }

    private NpgsqlCommand Command(string sql, object[] values)
    {
        var command = Database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }
}
