using System.Net.Http.Headers;
using System.Text.Json;

namespace I2V.Cli.Up;

/// <summary>Asks the gateway of a stack how far it is.</summary>
internal sealed class GatewayProbe : IDisposable
{
    private readonly HttpClient client;
    private readonly DateTimeOffset since;

    /// <param name="since">Workers that registered earlier belong to a run before this one.</param>
    public GatewayProbe(string url, string apiKey, DateTimeOffset since)
    {
        this.since = since;
        client = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(10) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
    }

    /// <summary>True once the process answers, which it does after it has migrated the database. Another program on its port is no gateway.</summary>
    public Task<bool> IsAliveAsync(CancellationToken ct) =>
        AskAsync("/health/live", answer => answer.GetProperty("status").GetString() == "alive", ct);

    /// <summary>True once a worker of this run has registered.</summary>
    public Task<bool> HasNewWorkerAsync(CancellationToken ct) =>
        AskAsync("/v1/workers", answer => answer.GetProperty("data").EnumerateArray().Any(IsNew), ct);

    /// <summary>Null when objects can be written; else the gateway's sentence about its storage.</summary>
    public async Task<string?> StorageTroubleAsync(CancellationToken ct)
    {
        try
        {
            // 503 carries the same report.
            using var answer = await client.GetAsync("/health/ready", ct);
            using var report = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(ct));
            var storage = report.RootElement.GetProperty("checks").GetProperty("storage");
            return storage.GetProperty("ok").GetBoolean() ? null : storage.GetProperty("detail").GetString();
        }
        catch (Exception error) when (IsNoAnswer(error, ct))
        {
            return "the gateway did not answer";
        }
    }

    public void Dispose() => client.Dispose();

    private async Task<bool> AskAsync(string path, Func<JsonElement, bool> isYes, CancellationToken ct)
    {
        try
        {
            using var answer = JsonDocument.Parse(await client.GetStringAsync(path, ct));
            return isYes(answer.RootElement);
        }
        catch (Exception error) when (IsNoAnswer(error, ct))
        {
            return false;
        }
    }

    private bool IsNew(JsonElement worker) =>
        worker.GetProperty("registered_at").GetDateTimeOffset() >= since && worker.GetProperty("state").GetString() != "gone";

    // Silence, an error's status, or an answer that is not the gateway's.
    private static bool IsNoAnswer(Exception error, CancellationToken ct) =>
        error is HttpRequestException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException
        || (error is OperationCanceledException && !ct.IsCancellationRequested);
}
