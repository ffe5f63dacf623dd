using System.Net;
using System.Text;
using I2V.Cli.Configuration;
using I2V.Cli.Up;

namespace I2V.Tests.Cli.Up;

/// <summary>What `up` takes for a gateway, and how long it waits for something that never gets ready.</summary>
public sealed class ReadinessTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(200, """{"status":"alive","data":[{"registered_at":"2026-01-01T00:00:01Z","state":"idle"}]}""", true)]
    [InlineData(200, """{"status":"alive","data":[{"registered_at":"2025-12-31T23:59:59Z","state":"idle"}]}""", null)]
    [InlineData(200, """{"status":"alive","data":[{"registered_at":"2026-01-01T00:00:01Z","state":"gone"}]}""", null)]
    [InlineData(404, """{"status":"alive","data":[{"registered_at":"2026-01-01T00:00:01Z","state":"idle"}]}""", false)]
    [InlineData(500, "", false)]
    [InlineData(200, "<h1>Somebody else's page</h1>", false)]
    [InlineData(200, "[]", false)]
    [InlineData(200, """{"ok":true}""", false)]
    public async Task Only_a_gateways_own_answer_counts(int status, string body, bool? both)
    {
        using var server = new HttpListener();
        var url = Listen(server);
        using var probe = new GatewayProbe(url, "key", new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var answering = AnswerAsync(server, status, body);

        Assert.Equal(both ?? true, await probe.IsAliveAsync(Ct));
        Assert.Equal(both ?? false, await probe.HasNewWorkerAsync(Ct));
        await answering;
    }

    [Fact]
    public async Task Nobody_on_the_port_is_no_gateway()
    {
        using var probe = new GatewayProbe("http://127.0.0.1:1", "key", DateTimeOffset.UnixEpoch);
        Assert.False(await probe.IsAliveAsync(Ct));
        Assert.Equal("the gateway did not answer", await probe.StorageTroubleAsync(Ct));
    }

    [Fact]
    public async Task A_service_that_never_gets_ready_ends_the_wait_with_the_end_of_its_log()
    {
        var time = new ManualTimeProvider();
        var folder = Directory.CreateTempSubdirectory("i2v-readiness-").FullName;
        var log = Path.Combine(folder, "gateway.log");
        try
        {
            await using var supervisor = new Supervisor(new Steps(TextWriter.Null, time), time);
            var error = await Assert.ThrowsAsync<CliException>(() => supervisor.StartAsync(NeverReady(log, time), Ct).WaitAsync(TimeSpan.FromSeconds(30), Ct));
            Assert.Equal($"gateway has not become ready within 120 s.{Environment.NewLine}The end of {log}:{Environment.NewLine}  the last words", error.Message);
            await supervisor.StopAsync(_ => true);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Its time is over once it has written its log.
    private static Service NeverReady(string log, ManualTimeProvider time) => new()
    {
        Command = new ChildCommand { Name = "gateway", FileName = "/bin/sh", Arguments = ["-c", "echo the last words; exec sleep 600"], LogFile = log },
        Patience = TimeSpan.FromMinutes(2),
        IsReady = async ct =>
        {
            while (!File.Exists(log) || new FileInfo(log).Length == 0)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), ct);
            }

            time.Advance(TimeSpan.FromMinutes(2));
            return false;
        },
    };

    private static string Listen(HttpListener server)
    {
        var url = FormattableString.Invariant($"http://127.0.0.1:{FreePorts.Pick()}");
        server.Prefixes.Add(url + "/");
        server.Start();
        return url;
    }

    private static async Task AnswerAsync(HttpListener server, int status, string body)
    {
        for (var answers = 0; answers < 2; answers++)
        {
            var context = await server.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(10), Ct);
            context.Response.StatusCode = status;
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body), Ct);
            context.Response.Close();
        }
    }
}
