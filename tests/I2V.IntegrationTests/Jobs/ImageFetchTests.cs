using System.Globalization;
using System.Net;
using System.Net.Sockets;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace I2V.IntegrationTests.Jobs;

/// <summary>Images by address: what may be fetched is, and what would reach into the network is refused without a single connection.</summary>
public sealed class ImageFetchTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("https://127.0.0.1:PORT/")]
    [InlineData("https://127.1:PORT/")]
    [InlineData("https://0x7f000001:PORT/")]
    [InlineData("https://2130706433:PORT/")]
    [InlineData("https://0177.0.0.1:PORT/")]
    [InlineData("https://[::1]:PORT/")]
    [InlineData("https://[::ffff:127.0.0.1]:PORT/")]
    [InlineData("https://[::ffff:169.254.169.254]:PORT/latest/meta-data")]
    [InlineData("https://[64:ff9b::7f00:1]:PORT/")]
    [InlineData("https://[2002:7f00:1::]:PORT/")]
    [InlineData("https://localhost:PORT/")]
    [InlineData("https://localhost.:PORT/")]
    [InlineData("https://0.0.0.0:PORT/")]
    [InlineData("https://user@127.0.0.1:PORT/")]
    [InlineData("https://example.com@127.0.0.1:PORT/")]
    [InlineData("http://127.0.0.1:PORT/")]
    [InlineData("gopher://127.0.0.1:PORT/_x")]
    [InlineData("ftp://127.0.0.1:PORT/x")]
    [InlineData("file:///etc/passwd")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://10.0.0.1/")]
    public async Task An_address_inside_is_refused_without_a_connection(string url)
    {
        using var canary = new Canary();
        await using var open = await TestGateway.StartAsync(("Intake:AllowedPorts:0", canary.Port.ToString(CultureInfo.InvariantCulture)));
        using var worker = new FakeWorker(open);
        await worker.RegisterAsync(FakeWorker.Motion);
        foreach (var gateway in new[] { api.Gateway, open })
        {
            var before = await gateway.LeftoversAsync();
            using var response = await SubmitAsync(gateway.Client, url.Replace("PORT", canary.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));

            var problem = await ApiFixture.ProblemAsync(response, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);
            Assert.Equal("/input/image/url", Assert.Single(problem.Errors!).Pointer);
            Assert.Equal(before, await gateway.LeftoversAsync());
        }

        Assert.Equal(0, canary.Connections);
    }

    [Fact]
    public async Task An_allowed_server_is_fetched_from_and_its_redirects_are_checked_again()
    {
        using var canary = new Canary();
        await using var server = await PictureServer.StartAsync($"http://127.0.0.2:{canary.Port}/");
        await using var gateway = await TestGateway.StartAsync(
            ("Intake:AllowHttp", "true"),
            ("Intake:AllowedNetworks:0", "127.0.0.1/32"),
            ("Intake:AllowedPorts:0", server.Port.ToString(CultureInfo.InvariantCulture)),
            ("Intake:AllowedPorts:1", canary.Port.ToString(CultureInfo.InvariantCulture)));
        using var worker = new FakeWorker(gateway);
        await worker.RegisterAsync(FakeWorker.Motion);

        var job = await SubmitAsync(gateway.Client, $"{server.Url}/photo").ReadAsync<JobObject>();
        var redirected = await SubmitAsync(gateway.Client, $"{server.Url}/moved").ReadAsync<JobObject>();
        var before = await gateway.LeftoversAsync();
        foreach (var path in new[] { "inside", "file", "loop", "large", "missing", "nothing" })
        {
            using var refused = await SubmitAsync(gateway.Client, $"{server.Url}/{path}");
            await ApiFixture.ProblemAsync(refused, HttpStatusCode.BadRequest, path == "nothing" ? ErrorCode.ImageUnreadable : ErrorCode.InvalidInput);
        }

        Assert.Equal((128, 86), (job.Applied.Width, job.Applied.Height));
        Assert.Equal(JobStatus.Queued, redirected.Status);
        Assert.Equal(before, await gateway.LeftoversAsync());
        Assert.Equal(0, canary.Connections);
    }

    private Task<HttpResponseMessage> SubmitAsync(HttpClient client, string url) =>
        client.PostAsync("/v1/jobs", ApiFixture.Json($$$"""{"input":{"image":{"url":"{{{url}}}"} } }"""), ct);

    /// <summary>Counts who comes, on every address of this machine.</summary>
    private sealed class Canary : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.IPv6Any, 0) { Server = { DualMode = true } };

        public Canary()
        {
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        public int Port { get; }

        /// <summary>A connection that was made waits in the backlog, so nothing can slip by.</summary>
        public int Connections => listener.Pending() ? 1 : 0;

        public void Dispose() => listener.Dispose();
    }

    /// <summary>A small web server that has a picture, redirects of every kind, and a file that is too large.</summary>
    private sealed class PictureServer(WebApplication app) : IAsyncDisposable
    {
        public string Url => app.Urls.First();

        public int Port => new Uri(Url).Port;

        public static async Task<PictureServer> StartAsync(string inside)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            var app = builder.Build();
            app.Run(context => AnswerAsync(context, inside));
            await app.StartAsync(TestContext.Current.CancellationToken);
            return new PictureServer(app);
        }

        public async ValueTask DisposeAsync() => await app.DisposeAsync();

        private static async Task AnswerAsync(HttpContext context, string inside)
        {
            var response = context.Response;
            switch (context.Request.Path.Value)
            {
                case "/photo":
                    await response.Body.WriteAsync(ApiFixture.Photo);
                    break;
                case "/moved":
                    response.Redirect("/photo");
                    break;
                case "/inside":
                    response.Redirect(inside);
                    break;
                case "/file":
                    response.Redirect("file:///etc/passwd");
                    break;
                case "/loop":
                    response.Redirect("/loop");
                    break;
                case "/large":
                    await SendTooMuchAsync(response);
                    break;
                case "/nothing":
                    break;
                default:
                    response.StatusCode = 404;
                    break;
            }
        }

        private static async Task SendTooMuchAsync(HttpResponse response)
        {
            var megabyte = new byte[1 << 20];
            for (var i = 0; i < 24; i++)
            {
                await response.Body.WriteAsync(megabyte);
            }
        }
    }
}
