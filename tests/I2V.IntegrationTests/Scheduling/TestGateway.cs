using System.Net.Http.Headers;
using System.Net.Http.Json;
using I2V.Gateway;
using I2V.Gateway.Database;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>
/// A whole gateway in the test's process, over real servers and a storage folder. It lives as long as the process, because
/// MassTransit keeps the logger of the first bus for all later ones and fails once that is disposed.
/// </summary>
internal sealed class TestGateway
{
    public static readonly string UserKey = "i2v_live_USERUSER_" + new string('u', 43);
    public static readonly string WorkerKey = "i2v_live_WORKWORK_" + new string('w', 43);

    private static readonly Lazy<Task<TestGateway>> Shared = new(StartAnotherAsync);

    private readonly WebApplication _app;

    private TestGateway(WebApplication app) => _app = app;

    public IServiceProvider Services => _app.Services;

    public NpgsqlDataSource Database => Services.GetRequiredService<NpgsqlDataSource>();

    public JobTransitions Transitions => Services.GetRequiredService<JobTransitions>();

    private string Url => Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static Task<TestGateway> GetAsync() => Shared.Value;

    /// <summary>For a test that looks at what the whole gateway does.</summary>
    public static async Task<TestGateway> StartAnotherAsync()
    {
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Jobs"] = await TestServers.NewDatabaseAsync(),
            ["Bus:Url"] = await TestServers.BrokerUrlAsync(),
            ["Storage:Kind"] = "folder",
            ["Storage:Folder:Path"] = TestFolder.Create("objects"),
            ["Storage:SigningKey"] = Convert.ToBase64String(new byte[32]),
            ["Access:Pepper"] = Convert.ToBase64String(new byte[32]),
            ["Access:BootstrapApiKey"] = UserKey,
            ["Access:BootstrapWorkerKey"] = WorkerKey,
        };
        var app = GatewayHost.Build([], builder =>
        {
            builder.Configuration.AddInMemoryCollection(settings);
            builder.Logging.SetMinimumLevel(LogLevel.Warning);
            builder.WebHost.UseUrls("http://127.0.0.1:0");
        });
        await app.StartAsync(CancellationToken.None);
        Assert.True(app.Services.GetRequiredService<DatabaseStartup>().IsMigrated);
        return new TestGateway(app);
    }

    public HttpClient NewClient(string? key)
    {
        var client = new HttpClient { BaseAddress = new Uri(Url) };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        return client;
    }

    /// <summary>A job whose input is really stored, in a lane that only the test's own worker serves.</summary>
    public async Task<Guid> SubmitAsync(string model)
    {
        var id = Guid.CreateVersion7();
        var tenant = await TenantAsync();
        var key = ArtifactKeys.Input(tenant, id);
        await Services.GetRequiredService<IObjectStore>().PutAsync(key, "a picture"u8.ToArray(), "image/png", Ct);
        var job = new NewJob
        {
            Id = id,
            TenantId = tenant,
            Lane = Lanes.ForModel(model),
            Requested = new JobSettings(),
            Spec = new JobSpec { Model = model, Settings = new JobSettings { Seed = 1 }, Fit = new JobFit() },
            Input = new JobInput(key, new string('0', 64), 64, 64, 9),
        };
        Assert.IsType<SubmitResult.Created>(await Transitions.SubmitAsync(job, key: null, Ct));
        return id;
    }

    public async Task<Guid> TenantAsync(string name = "default") =>
        await ScalarAsync<Guid>("select id from tenants where name = $1", name);

    public async Task<T> ScalarAsync<T>(string sql, params object[] values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return (T)(await command.ExecuteScalarAsync(Ct))!;
    }

    public static async Task<Guid> RegisterAsync(HttpClient worker, string model)
    {
        var name = $"worker-{Guid.NewGuid():N}";
        var answer = await worker.PostAsJsonAsync("/worker/v1/workers", Samples.Registration(name, name, model), I2VJson.Options, Ct);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<WorkerRegistered>(I2VJson.Options, Ct))!.WorkerId;
    }
}
