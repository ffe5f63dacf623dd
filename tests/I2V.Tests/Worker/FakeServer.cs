using System.Net;
using System.Net.Http.Json;
using System.Threading.Channels;
using I2V.Protocol;

namespace I2V.Tests.Worker;

/// <summary>A server in place of the network: answers what the test says and hands over every request that came.</summary>
internal sealed class FakeServer(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
{
    private readonly Channel<SeenRequest> seen = Channel.CreateUnbounded<SeenRequest>();

    public FakeServer(Func<HttpRequestMessage, HttpResponseMessage> answer)
        : this((request, _) => Task.FromResult(answer(request)))
    {
    }

    public HttpClient Client() => new(this) { BaseAddress = new Uri("http://gateway.test/"), Timeout = Timeout.InfiniteTimeSpan };

    public static HttpResponseMessage Json<T>(T value, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = JsonContent.Create(value, options: I2VJson.Options) };

    /// <summary>The next request, waited for.</summary>
    public async Task<SeenRequest> NextAsync() => await seen.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask()
        .WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

    /// <summary>True when more requests came than were taken.</summary>
    public bool HasMore => seen.Reader.TryPeek(out _);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        await seen.Writer.WriteAsync(new SeenRequest(request, body), cancellationToken);
        return await answer(request, cancellationToken);
    }
}

internal sealed record SeenRequest(HttpRequestMessage Request, string Body)
{
    public string? Header(string name) => Request.Headers.TryGetValues(name, out var values) ? values.Single() : null;
}
