using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Workers;

namespace I2V.Worker.Gateway;

/// <summary>The calls of <c>/worker/v1</c>. Each is made once and within its time; who may repeat one decides where it is called.</summary>
internal sealed class GatewayClient(HttpClient http, TimeProvider time)
{
    /// <summary>Longest wait for an answer.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Completing reads the stored film back before it answers.</summary>
    public static readonly TimeSpan CompleteTimeout = TimeSpan.FromSeconds(60);

    /// <summary>A client of its own for the gateway, since only these calls may carry the key.</summary>
    public static HttpClient CreateHttp(WorkerOptions options) => new(NewHandler())
    {
        BaseAddress = new Uri(options.GatewayUrl.TrimEnd('/') + "/"),
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", options.Key) },
    };

    public static SocketsHttpHandler NewHandler() => new()
    {
        // Gateways come and go behind one name.
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        ConnectTimeout = TimeSpan.FromSeconds(5),
        AllowAutoRedirect = false,
    };

    public async Task<WorkerRegistered> RegisterAsync(RegisterWorker worker, CancellationToken ct) =>
        Expect(await CallAsync<WorkerRegistered>(HttpMethod.Post, "worker/v1/workers", worker, CallTimeout, ct));

    /// <summary>A gateway of before drains answers nothing.</summary>
    public async Task<IdleHeartbeatAnswer> HeartbeatIdleAsync(Guid workerId, IdleHeartbeat beat, CancellationToken ct) =>
        await CallAsync<IdleHeartbeatAnswer>(HttpMethod.Post, $"worker/v1/workers/{workerId}/heartbeat", beat, CallTimeout, ct)
            ?? new IdleHeartbeatAnswer(Drain: false);

    public Task GoodbyeAsync(Guid workerId, CancellationToken ct) =>
        CallAsync<JsonElement?>(HttpMethod.Delete, $"worker/v1/workers/{workerId}", body: null, CallTimeout, ct);

    /// <summary>Null when nothing waits.</summary>
    public Task<ClaimedJob?> ClaimAsync(ClaimRequest claim, CancellationToken ct) =>
        CallAsync<ClaimedJob>(HttpMethod.Post, "worker/v1/claims", claim, CallTimeout, ct);

    public async Task<HeartbeatAnswer> HeartbeatAsync(Guid lease, ClaimHeartbeat beat, CancellationToken ct) =>
        Expect(await CallAsync<HeartbeatAnswer>(HttpMethod.Post, $"worker/v1/claims/{lease}/heartbeat", beat, CallTimeout, ct));

    public async Task<UploadTargets> BeginUploadAsync(Guid lease, BeginUpload upload, CancellationToken ct) =>
        Expect(await CallAsync<UploadTargets>(HttpMethod.Post, $"worker/v1/claims/{lease}/uploads", upload, CallTimeout, ct));

    public async Task<AttemptEnded> CompleteAsync(Guid lease, CompleteJob complete, CancellationToken ct) =>
        Expect(await CallAsync<AttemptEnded>(HttpMethod.Post, $"worker/v1/claims/{lease}/complete", complete, CompleteTimeout, ct));

    public async Task<AttemptEnded> FailAsync(Guid lease, FailJob fail, CancellationToken ct) =>
        Expect(await CallAsync<AttemptEnded>(HttpMethod.Post, $"worker/v1/claims/{lease}/fail", fail, CallTimeout, ct));

    public async Task<AttemptEnded> ReleaseAsync(Guid lease, ReleaseJob release, CancellationToken ct) =>
        Expect(await CallAsync<AttemptEnded>(HttpMethod.Post, $"worker/v1/claims/{lease}/release", release, CallTimeout, ct));

    /// <summary>Gives back a job that does not fit this worker now.</summary>
    public async Task<AttemptEnded> RefuseAsync(Guid lease, RefuseJob refusal, CancellationToken ct) =>
        Expect(await CallAsync<AttemptEnded>(HttpMethod.Post, $"worker/v1/claims/{lease}/refuse", refusal, CallTimeout, ct));

    /// <summary>Memory ran out and the attempt goes on a rung further down. May be repeated.</summary>
    public Task DegradedAsync(Guid lease, JobDegraded step, CancellationToken ct) =>
        CallAsync<JsonElement?>(HttpMethod.Post, $"worker/v1/claims/{lease}/degraded", step, CallTimeout, ct);

    private static T Expect<T>(T? answer)
        where T : class =>
        answer ?? throw new GatewayException(GatewayError.Failed, "The gateway gave an empty answer where it owes one.");

    private async Task<T?> CallAsync<T>(HttpMethod method, string path, object? body, TimeSpan timeout, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        try
        {
            using var request = new HttpRequestMessage(method, path);
            request.Content = body is null ? null : JsonContent.Create(body, body.GetType(), options: I2VJson.Options);
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw await RefusedAsync(response, either.Token);
            }

            return response.StatusCode == HttpStatusCode.NoContent || response.Content.Headers.ContentLength == 0
                ? default
                : await response.Content.ReadFromJsonAsync<T>(I2VJson.Options, either.Token);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new GatewayException(GatewayError.Unreachable, $"The gateway did not answer within {timeout.TotalSeconds:0} s.", error);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new GatewayException(GatewayError.Unreachable, "The gateway cannot be reached.", error);
        }
        catch (JsonException error)
        {
            throw new GatewayException(GatewayError.Failed, "The gateway's answer is not what this worker understands.", error);
        }
    }

    private static async Task<GatewayException> RefusedAsync(HttpResponseMessage response, CancellationToken ct)
    {
        var error = response.StatusCode switch
        {
            HttpStatusCode.Conflict or HttpStatusCode.Gone => GatewayError.Lost,
            HttpStatusCode.NotFound => GatewayError.NotFound,
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => GatewayError.Unauthorized,
            HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests => GatewayError.Failed,
            >= HttpStatusCode.InternalServerError => GatewayError.Failed,
            _ => GatewayError.Refused,
        };
        return new GatewayException(error, $"The gateway answered {(int)response.StatusCode}: {await WordsAsync(response, ct)}");
    }

    private static async Task<string> WordsAsync(HttpResponseMessage response, CancellationToken ct)
    {
        try
        {
            var problem = await response.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, ct);
            return problem?.Detail ?? problem?.Title ?? response.ReasonPhrase ?? "no reason given";
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException)
        {
            return response.ReasonPhrase ?? "no reason given";
        }
    }
}
