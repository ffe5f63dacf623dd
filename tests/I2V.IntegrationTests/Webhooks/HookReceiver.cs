using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
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

    private HookReceiver(bool withCertificate)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (withCertificate)
            {
                listen.UseHttps(Certificate());
            }
        }));
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    /// <summary>Unless a test replaces it.</summary>
    public Func<HttpResponse, Task> Answer { get; set; } = response => response.WriteAsync("thank you");

    public string Url => app.Urls.First() + "/hooks";

    public int Port => new Uri(Url).Port;

    public IReadOnlyList<Told> Told => [.. told];

    /// <param name="withCertificate">Serves https, under a certificate that it signed itself.</param>
    public static async Task<HookReceiver> StartAsync(bool withCertificate = false)
    {
        var receiver = new HookReceiver(withCertificate);
        await receiver.app.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private static X509Certificate2 Certificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

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
