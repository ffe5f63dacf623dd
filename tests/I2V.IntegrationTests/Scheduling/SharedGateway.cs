using System.Net.Http.Json;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.Extensions.DependencyInjection;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>
/// One gateway with a real broker for all tests that look at it from outside. It lives as long as the process, because
/// MassTransit keeps the logger of the first bus for all later ones and fails once that is disposed.
/// </summary>
internal static class SharedGateway
{
    private static readonly Lazy<Task<TestGateway>> Shared = new(StartAnotherAsync);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static Task<TestGateway> GetAsync() => Shared.Value;

    /// <summary>For a test that looks at what the whole gateway does.</summary>
    public static async Task<TestGateway> StartAnotherAsync() =>
        await TestGateway.StartAsync(("Bus:Url", await TestServers.BrokerUrlAsync()));

    public static JobTransitions Transitions(this TestGateway gateway) => gateway.Services.GetRequiredService<JobTransitions>();

    /// <summary>A job whose input is really stored, in a lane that only the test's own worker serves.</summary>
    public static async Task<Guid> SubmitAsync(this TestGateway gateway, string model)
    {
        var id = Guid.CreateVersion7();
        var tenant = await gateway.TenantAsync();
        var key = ArtifactKeys.Input(tenant, id);
        await gateway.Services.GetRequiredService<IObjectStore>().PutAsync(key, "a picture"u8.ToArray(), "image/png", Ct);
        var job = new NewJob
        {
            Id = id,
            TenantId = tenant,
            Lane = Lanes.ForModel(model),
            Requested = new JobSettings(),
            Spec = new JobSpec { Model = model, Settings = new JobSettings { Seed = 1 }, Fit = new JobFit() },
            Input = new JobInput(key, new string('0', 64), 64, 64, 9),
        };
        Assert.IsType<SubmitResult.Created>(await gateway.Transitions().SubmitAsync(job, key: null, Ct));
        return id;
    }

    public static Task<Guid> TenantAsync(this TestGateway gateway, string name = "default") =>
        gateway.ScalarAsync<Guid>("select id from tenants where name = $1", name);

    public static async Task<Guid> RegisterAsync(HttpClient worker, string model)
    {
        var name = $"worker-{Guid.NewGuid():N}";
        var answer = await worker.PostAsJsonAsync("/worker/v1/workers", Samples.Registration(name, name, model), I2VJson.Options, Ct);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<WorkerRegistered>(I2VJson.Options, Ct))!.WorkerId;
    }
}
