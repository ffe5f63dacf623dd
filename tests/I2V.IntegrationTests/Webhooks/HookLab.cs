using System.Globalization;
using System.Net;
using I2V.Gateway.Scheduling;
using I2V.IntegrationTests.Jobs;
using I2V.IntegrationTests.Servers;
using I2V.IntegrationTests.Worker;
using I2V.Protocol.Jobs;
using I2V.Protocol.Webhooks;
using Microsoft.Extensions.DependencyInjection;

namespace I2V.IntegrationTests.Webhooks;

/// <summary>A gateway that may tell this machine, a worker, and a receiver.</summary>
internal sealed class HookLab : IAsyncDisposable
{
    private HookLab(TestGateway gateway, HookReceiver receiver)
    {
        Gateway = gateway;
        Receiver = receiver;
        Worker = new FakeWorker(gateway);
    }

    public TestGateway Gateway { get; }

    public HookReceiver Receiver { get; }

    public FakeWorker Worker { get; }

    public HttpClient Client => Gateway.Client;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<HookLab> StartAsync(params (string Name, string Value)[] more)
    {
        var gateway = await TestGateway.StartAsync([("Webhooks:AllowHttp", "true"), ("Webhooks:AllowedNetworks:0", "127.0.0.1/32"), .. more]);
        var lab = new HookLab(gateway, await HookReceiver.StartAsync());
        await lab.Worker.RegisterAsync(FakeWorker.Motion);
        return lab;
    }

    public async ValueTask DisposeAsync()
    {
        Worker.Dispose();
        await Gateway.DisposeAsync();
        await Receiver.DisposeAsync();
    }

    /// <summary>An endpoint at the receiver, or elsewhere, with its secret.</summary>
    public async Task<WebhookEndpoint> AddEndpointAsync(string? url = null)
    {
        using var response = await Client.PostAsync("/v1/webhook-endpoints", ApiFixture.Json($$"""{"url":"{{url ?? Receiver.Url}}"}"""), Ct);
        Assert.True(response.StatusCode == HttpStatusCode.Created, await response.Content.ReadAsStringAsync(Ct));
        return await response.ReadAsync<WebhookEndpoint>();
    }

    /// <summary>The shortest way to a job that has ended.</summary>
    public async Task<JobObject> CancelOneAsync()
    {
        var job = await ApiFixture.SubmitAsync(Client);
        using var response = await Client.PostAsync($"/v1/jobs/{job.Id}/cancel", null, Ct);
        response.EnsureSuccessStatusCode();
        return job;
    }

    public async Task<IReadOnlyList<WebhookDelivery>> DeliveriesAsync(string query = "") =>
        (await Client.GetAsync($"/v1/webhook-deliveries{query}", Ct).ReadAsync<WebhookDeliveryList>()).Data;

    /// <summary>The only delivery, once it is as it should be.</summary>
    public async Task<WebhookDelivery> DeliveryAsync(Func<WebhookDelivery, bool> isReady)
    {
        WebhookDelivery? seen = null;
        await Wait.UntilAsync(
            async () => (await DeliveriesAsync()) is [var only] && isReady(seen = only),
            () => string.Create(CultureInfo.InvariantCulture, $"The delivery stayed {seen}; the receiver was told {Receiver.Told.Count} times."));
        return seen!;
    }

    /// <summary>Ends the wait before the next attempt.</summary>
    public async Task MakeDueAsync()
    {
        await Gateway.ExecuteAsync("update webhook_deliveries set next_at = clock_timestamp() where state = 'pending' and lease_token is null");
        Gateway.Services.GetRequiredService<JobSignals>().WebhookMayWait();
    }

    /// <summary>Seconds until the next attempt.</summary>
    public Task<double> WaitAsync() =>
        Gateway.ScalarAsync<double>("select extract(epoch from next_at - (attempts -> -1 ->> 'at')::timestamptz)::float8 from webhook_deliveries");
}
