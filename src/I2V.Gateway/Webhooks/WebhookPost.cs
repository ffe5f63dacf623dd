using System.Net;
using System.Net.Http.Headers;
using System.Text;
using I2V.Gateway.Outbound;
using I2V.Protocol.Webhooks;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Webhooks;

/// <summary>One signed POST. Whatever a receiver does ends as an attempt that says so; nothing of it is an exception.</summary>
internal sealed class WebhookPost : IDisposable
{
    private const int KeptBodyBytes = 1_024;

    private readonly WebhookOptions options;
    private readonly TimeProvider clock;
    private readonly HttpClient client;

    public WebhookPost(IOptions<WebhookOptions> options, TimeProvider clock)
    {
        this.options = options.Value;
        this.clock = clock;
        client = new HttpClient(PublicHttp.CreateHandler(this.options.Networks())) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<PostResult> SendAsync(string url, string id, byte[] body, IReadOnlyList<byte[]> secrets, CancellationToken ct)
    {
        var at = clock.GetUtcNow();
        var start = clock.GetTimestamp();
        var result = WebhookUrl.FindProblem(url, options) is { } problem
            ? Failed(problem)
            : await TrySendAsync(url, id, at, body, secrets, ct);
        return result with { Attempt = result.Attempt with { At = at, DurationSeconds = Math.Round(clock.GetElapsedTime(start).TotalSeconds, 3) } };
    }

    public void Dispose() => client.Dispose();

    private async Task<PostResult> TrySendAsync(string url, string id, DateTimeOffset at, byte[] body, IReadOnlyList<byte[]> secrets, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(TimeSpan.FromSeconds(options.TimeoutSeconds));
        try
        {
            using var request = Request(url, id, at, body, secrets);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var answer = await ReadStartAsync(response, limit.Token, ct);
            return new PostResult(
                new WebhookAttempt
                {
                    At = at,
                    DurationSeconds = 0,
                    StatusCode = (int)response.StatusCode,
                    Body = answer,
                    Error = (int)response.StatusCode is >= 300 and < 400 ? "Redirects are not followed; give the final address." : null,
                },
                RetryAfter(response.Headers.RetryAfter));
        }
        catch (HttpRequestException error) when (error.InnerException is AddressRefusedException refused)
        {
            return Failed(refused.Message);
        }
        catch (HttpRequestException error)
        {
            return Failed($"The server cannot be reached or does not answer properly ({error.HttpRequestError}).");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Failed(FormattableString.Invariant($"There was no answer within {options.TimeoutSeconds} s."));
        }
    }

    private static HttpRequestMessage Request(string url, string id, DateTimeOffset at, byte[] body, IReadOnlyList<byte[]> secrets)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("I2V.Distributed", productVersion: null));
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", FormattableString.Invariant($"{at.ToUnixTimeSeconds()}"));
        request.Headers.Add("webhook-signature", WebhookSignature.Of(id, at, body, secrets));
        return request;
    }

    /// <summary>The status is the answer: what goes wrong with the text after it changes nothing.</summary>
    private static async Task<string?> ReadStartAsync(HttpResponseMessage response, CancellationToken limit, CancellationToken ct)
    {
        var kept = new byte[KeptBodyBytes];
        var length = 0;
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(limit);
            length = await body.ReadAtLeastAsync(kept, KeptBodyBytes, throwOnEndOfStream: false, limit);
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return null;
        }

        // Postgres' JSON takes any text but this character.
        return length == 0 ? null : Encoding.UTF8.GetString(kept, 0, length).Replace('\0', '\uFFFD');
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header) => header switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - clock.GetUtcNow(),
        _ => null,
    };

    private static PostResult Failed(string why) => new(new WebhookAttempt { At = default, DurationSeconds = 0, Error = why }, RetryAfter: null);
}

/// <param name="Attempt">What came back.</param>
/// <param name="RetryAfter">When the receiver asks to be told again.</param>
internal sealed record PostResult(WebhookAttempt Attempt, TimeSpan? RetryAfter)
{
    public bool IsDelivered => Attempt.StatusCode is >= 200 and < 300;

    public bool IsGone => Attempt.StatusCode == (int)HttpStatusCode.Gone;
}
