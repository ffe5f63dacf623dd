using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Webhooks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace I2V.IntegrationTests.Webhooks;

/// <summary>A web server that keeps what it was told and answers as the test says, 200 unless it says otherwise.</summary>
internal sealed class HookReceiver : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<Told> told = new();

    private HookReceiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    /// <summary>Unless a test replaces it.</summary>
    public Func<HttpResponse, Task> Answer { get; set; } = response => response.WriteAsync("thank you");

    public string Url => app.Urls.First() + "/hooks";

    public int Port => new Uri(Url).Port;

    public IReadOnlyList<Told> Told => [.. told];

    public static async Task<HookReceiver> StartAsync()
    {
        var receiver = new HookReceiver();
        await receiver.app.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        told.Enqueue(new Told(
            context.Request.Method,
            context.Request.Path,
            context.Request.ContentType,
            context.Request.Headers["webhook-id"].ToString(),
            context.Request.Headers["webhook-timestamp"].ToString(),
            context.Request.Headers["webhook-signature"].ToString(),
            body.ToArray()));
        await Answer(context.Response);
    }
}

/// <summary>A webhook as it came.</summary>
internal sealed record Told(string Method, string Path, string? ContentType, string Id, string Timestamp, string Signature, byte[] Body)
{
    public WebhookMessage Message => JsonSerializer.Deserialize<WebhookMessage>(Body, I2VJson.Options)!;

    public DateTimeOffset SentAt => DateTimeOffset.FromUnixTimeSeconds(long.Parse(Timestamp, CultureInfo.InvariantCulture));

    public IReadOnlyList<string> Signatures => Signature.Split(' ');

    /// <summary>What a receiver that has this secret expects, computed as the standard says and not by the gateway's code.</summary>
    public string SignatureBy(string secret)
    {
        Assert.StartsWith("whsec_", secret, StringComparison.Ordinal);
        byte[] signed = [.. Encoding.ASCII.GetBytes($"{Id}.{Timestamp}."), .. Body];
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), signed));
    }
}
