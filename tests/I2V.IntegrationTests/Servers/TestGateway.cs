using System.Net.Http.Headers;
using System.Security.Cryptography;
using I2V.Gateway;
using I2V.Gateway.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace I2V.IntegrationTests.Servers;

/// <summary>
/// A gateway in this process on a database and a storage folder of its own. Unless a test names a broker there is none, which must
/// not matter to users.
/// </summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly Dictionary<string, string?> settings;
    private readonly TimeProvider? clock;

    private TestGateway(WebApplication app, Dictionary<string, string?> settings, TimeProvider? clock)
    {
        this.app = app;
        this.settings = settings;
        this.clock = clock;
        Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Client = NewClient(ApiKey);
    }

    public string Url { get; }

    public string ApiKey => settings["Access:BootstrapApiKey"]!;

    public string WorkerKey => settings["Access:BootstrapWorkerKey"]!;

    public string Folder => settings["Storage:Folder:Path"]!;

    public HttpClient Client { get; }

    public IServiceProvider Services => app.Services;

    public NpgsqlDataSource Database => Services.GetRequiredService<NpgsqlDataSource>();

    public static Task<TestGateway> StartAsync(params (string Name, string Value)[] more) => StartAsync(clock: null, more);

    /// <param name="clock">The gateway's time; null for the real one.</param>
    /// <param name="more">Settings beside or instead of the usual ones.</param>
    public static async Task<TestGateway> StartAsync(TimeProvider? clock, params (string Name, string Value)[] more)
    {
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Jobs"] = await TestServers.NewDatabaseAsync(),
            ["Bus:Url"] = "amqp://guest:guest@127.0.0.1:9/",
            ["Storage:Kind"] = "folder",
            ["Storage:Folder:Path"] = TestFolder.Create("objects"),
            ["Storage:SigningKey"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["Access:Pepper"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["Access:BootstrapApiKey"] = NewKey(),
            ["Access:BootstrapWorkerKey"] = NewKey(),
        };
        foreach (var (name, value) in more)
        {
            settings[name] = value;
        }

        return await StartAsync(settings, clock);
    }

    /// <summary>Another process, as it were, on the same database, folder and keys.</summary>
    public Task<TestGateway> StartAnotherAsync() => StartAsync(settings, clock);

    public HttpClient NewClient(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = new Uri(Url) };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        return client;
    }

    /// <summary>A client of a tenant, which is made when it is missing. Without scopes it has those of a user.</summary>
    public async Task<HttpClient> NewTenantAsync(string name, params string[] scopes) =>
        NewClient(await AddKeyAsync(name, scopes.Length > 0 ? scopes : [Scopes.JobsRead, Scopes.JobsWrite]));

    /// <summary>A new key of the tenant, which is made when it is missing.</summary>
    public async Task<string> AddKeyAsync(string tenant, params string[] scopes)
    {
        var text = NewKey();
        Assert.True(Gateway.Access.ApiKey.TryParse(text, out var key));
        await ScalarAsync<Guid>(
            """
            with t as (insert into tenants (id, name) values (gen_random_uuid(), $1) on conflict (name) do update set name = excluded.name returning id)
            insert into api_keys (id, tenant_id, prefix, key_hash, scopes) select gen_random_uuid(), id, $2, $3, $4 from t returning id
            """,
            tenant,
            key.Prefix,
            key.Hash(Convert.FromBase64String(settings["Access:Pepper"]!)),
            scopes);
        return text;
    }

    public async Task<T> ScalarAsync<T>(string sql, params object[] values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Everything that a request could leave behind: rows of each table, stored objects, and files that the framework spools to.</summary>
    public async Task<IReadOnlyList<string>> LeftoversAsync()
    {
        List<string> found = [];
        foreach (var table in new[] { "jobs", "job_events", "job_attempts", "outbox", "idempotency_keys" })
        {
            await using var command = Database.CreateCommand($"select count(*) from {table}");
            found.Add($"{table}: {await command.ExecuteScalarAsync(TestContext.Current.CancellationToken)}");
        }

        found.AddRange(Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        found.AddRange(Directory.EnumerateFiles(Path.GetTempPath(), "ASPNETCORE_*").Order(StringComparer.Ordinal));
        return found;
    }

    public Task StopAsync() => app.StopAsync();

    /// <summary>Stops and does not dispose: MassTransit 8.4 keeps the first host's logger in a static field and fails every later host once it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
    }

    private static async Task<TestGateway> StartAsync(Dictionary<string, string?> settings, TimeProvider? clock)
    {
        var app = GatewayHost.Build([], builder =>
        {
            builder.Configuration.AddInMemoryCollection(settings);
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            if (clock is not null)
            {
                builder.Services.AddSingleton(clock);
            }
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new TestGateway(app, settings, clock);
    }

    private static string NewKey() =>
        $"i2v_live_{Convert.ToHexString(RandomNumberGenerator.GetBytes(4))}_{Convert.ToHexString(RandomNumberGenerator.GetBytes(32))}";
}
