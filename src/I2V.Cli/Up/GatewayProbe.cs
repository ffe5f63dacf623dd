using System.Globalization;
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
        client = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(5) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
    }

    /// <summary>True once the process answers, which it does after it has migrated the database.</summary>
    public async Task<bool> IsAliveAsync(CancellationToken ct)
    {
        try
        {
            using var answer = await client.GetAsync("/health/live", ct);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception error) when (IsNoAnswer(error, ct))
        {
            return false;
        }
    }

    /// <summary>True once a worker of this run has registered.</summary>
    public async Task<bool> HasNewWorkerAsync(CancellationToken ct)
    {
        try
        {
            using var answer = JsonDocument.Parse(await client.GetStringAsync("/v1/workers", ct));
            return answer.RootElement.GetProperty("data").EnumerateArray().Any(IsNew);
        }
        catch (Exception error) when (IsNoAnswer(error, ct))
        {
            return false;
        }
    }

    public void Dispose() => client.Dispose();

    private bool IsNew(JsonElement worker) =>
        DateTimeOffset.Parse(worker.GetProperty("registered_at").GetString()!, CultureInfo.InvariantCulture) >= since
        && worker.GetProperty("state").GetString() != "gone";

    private static bool IsNoAnswer(Exception error, CancellationToken ct) =>
        error is HttpRequestException || (error is OperationCanceledException && !ct.IsCancellationRequested);
}
