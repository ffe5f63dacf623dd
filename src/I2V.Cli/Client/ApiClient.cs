using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Cli.Client;

/// <summary>The calls of <c>/v1</c>. What the gateway refuses becomes one sentence and an exit code.</summary>
internal sealed class ApiClient(HttpClient http, TimeProvider time) : IDisposable
{
    private const int Tries = 4;
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan UploadTimeout = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    public static ApiClient Connect(ClientSettings settings)
    {
        // No redirects: the key belongs to this gateway alone.
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
        var http = new HttpClient(handler) { BaseAddress = settings.Url, Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", settings.ApiKey);
        return new ApiClient(http, TimeProvider.System);
    }

    public Uri Url => http.BaseAddress!;

    public TimeProvider Time => time;

    /// <summary>
    /// Submits once, however often it has to be said: the idempotency key makes a repeat after a cut connection safe.
    /// </summary>
    /// <param name="form">Makes the form anew for each try.</param>
    /// <param name="idempotencyKey">The same for every try.</param>
    /// <param name="notice">Hears why it is said again.</param>
    /// <param name="ct">Stops trying.</param>
    public async Task<JobObject> SubmitAsync(
        Func<MultipartFormDataContent> form, string idempotencyKey, Action<string> notice, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var pause = TimeSpan.FromMilliseconds(500 << attempt);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "v1/jobs") { Content = form() };
                request.Headers.Add("Idempotency-Key", idempotencyKey);
                return await CallAsync<JobObject>(request, UploadTimeout, ct);
            }
            catch (ApiException error) when (error.IsTransient && attempt < Tries)
            {
                pause = error.RetryAfter is { } asked && asked < LongestPause ? asked : pause;
                notice(FormattableString.Invariant($"{error.Message} Trying again in {pause.TotalSeconds:0} s."));
            }

            await Task.Delay(pause, time, ct);
        }
    }

    /// <summary>What would become of a submit. Nothing is stored, so that a cut connection is simply told.</summary>
    public Task<JobEstimate> EstimateAsync(MultipartFormDataContent form, CancellationToken ct) =>
        CallAsync<JobEstimate>(new HttpRequestMessage(HttpMethod.Post, "v1/jobs:estimate") { Content = form }, UploadTimeout, ct);

    public Task<JobObject> GetJobAsync(string id, CancellationToken ct) =>
        CallAsync<JobObject>(new HttpRequestMessage(HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(id)}"), CallTimeout, ct);

    public Task<JobList> ListJobsAsync(string? status, int limit, CancellationToken ct)
    {
        var query = string.Create(CultureInfo.InvariantCulture, $"v1/jobs?limit={limit}")
            + (status is null ? "" : "&status=" + Uri.EscapeDataString(status));
        return CallAsync<JobList>(new HttpRequestMessage(HttpMethod.Get, query), CallTimeout, ct);
    }

    public Task<CancelAnswer> CancelAsync(string id, CancellationToken ct) =>
        CallAsync<CancelAnswer>(new HttpRequestMessage(HttpMethod.Post, $"v1/jobs/{Uri.EscapeDataString(id)}/cancel"), CallTimeout, ct);

    public Task<JobObject> PatchJobAsync(string id, JobPatch patch, CancellationToken ct) =>
        SendAsync<JobObject>(HttpMethod.Patch, $"v1/jobs/{Uri.EscapeDataString(id)}", patch, ct);

    /// <summary>Said once: who repeats it after a cut connection makes another job.</summary>
    public Task<JobObject> RetryJobAsync(string id, CancellationToken ct) =>
        SendAsync<JobObject>(HttpMethod.Post, $"v1/jobs/{Uri.EscapeDataString(id)}/retry", body: null, ct);

    public Task<JobObject> FinalizeJobAsync(string id, FinalizeRequest request, CancellationToken ct) =>
        SendAsync<JobObject>(HttpMethod.Post, $"v1/jobs/{Uri.EscapeDataString(id)}/finalize", request, ct);

    public Task<QueueList> ListQueuesAsync(CancellationToken ct) => SendAsync<QueueList>(HttpMethod.Get, "v1/queues", body: null, ct);

    /// <param name="lane">Its name.</param>
    /// <param name="action"><c>pause</c> or <c>resume</c>.</param>
    /// <param name="ct">Stops waiting.</param>
    public Task<QueueObject> ChangeQueueAsync(string lane, string action, CancellationToken ct) =>
        SendAsync<QueueObject>(HttpMethod.Post, $"v1/queues/{Uri.EscapeDataString(lane)}/{action}", body: null, ct);

    public Task<WorkerList> ListWorkersAsync(CancellationToken ct) => SendAsync<WorkerList>(HttpMethod.Get, "v1/workers", body: null, ct);

    /// <param name="id">The worker's.</param>
    /// <param name="action"><c>drain</c> or <c>resume</c>.</param>
    /// <param name="ct">Stops waiting.</param>
    public Task<WorkerObject> ChangeWorkerAsync(Guid id, string action, CancellationToken ct) =>
        SendAsync<WorkerObject>(HttpMethod.Post, $"v1/workers/{id}/{action}", body: null, ct);

    /// <summary>Opens the job's event stream. Null when everything after <paramref name="lastEventId"/> has been told.</summary>
    public async Task<HttpResponseMessage?> OpenEventsAsync(string id, string? lastEventId, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"v1/jobs/{Uri.EscapeDataString(id)}/events");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        var response = await SendAsync(request, CallTimeout, ct);
        if (response.StatusCode != HttpStatusCode.NoContent)
        {
            return response;
        }

        response.Dispose();
        return null;
    }

    public void Dispose() => http.Dispose();

    private Task<T> SendAsync<T>(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        var content = body is null ? null : JsonContent.Create(body, body.GetType(), options: I2VJson.Options);
        return CallAsync<T>(new HttpRequestMessage(method, path) { Content = content }, CallTimeout, ct);
    }

    private async Task<T> CallAsync<T>(HttpRequestMessage request, TimeSpan timeout, CancellationToken ct)
    {
        using (request)
        using (var response = await SendAsync(request, timeout, ct))
        {
            try
            {
                return await response.Content.ReadFromJsonAsync<T>(I2VJson.Options, ct) ?? throw new JsonException("null");
            }
            catch (Exception error) when (error is JsonException or NotSupportedException)
            {
                throw new ApiException($"What answers at {Url} is not an I2V gateway of this version.", HttpStatusCode.OK, error);
            }
            catch (Exception error) when (error is HttpRequestException or IOException)
            {
                throw Unreachable(error);
            }
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, TimeSpan timeout, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
        }
        catch (HttpRequestException error)
        {
            throw Unreachable(error);
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new ApiException($"The gateway at {Url} did not answer within {timeout.TotalSeconds:0} s.", status: null, error);
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw await ApiException.FromAsync(response, ct);
        }
    }

    private ApiException Unreachable(Exception error) => new(
        $"Nothing answers at {Url}; start it with ./i2v up, or name another gateway with --url.", status: null, error);
}
