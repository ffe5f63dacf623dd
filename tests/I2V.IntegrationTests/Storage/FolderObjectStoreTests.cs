using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using I2V.Gateway.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace I2V.IntegrationTests.Storage;

/// <summary>The suite against a folder behind a real server on loopback.</summary>
public sealed class FolderObjectStoreTests : ObjectStoreConformance
{
    private readonly string folder = Directory.CreateTempSubdirectory("i2v-folder-store-").FullName;
    private readonly ManualClock clock = new();
    private WebApplication? server;

    internal override IObjectStore Store => server!.Services.GetRequiredService<IObjectStore>();

    public override async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Storage:Kind"] = "folder",
            ["Storage:Folder:Path"] = folder,
            ["Storage:SigningKey"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<TimeProvider>(clock);
        builder.AddI2VStorage();
        server = builder.Build();
        server.MapStorage();
        await server.StartAsync(Ct);

        // It writes and removes an object of its own, which tests that look at the whole folder must not see.
        await server.Services.GetServices<IHostedService>().OfType<PrepareStorage>().Single().ExecuteTask!;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server!.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task An_expired_link_is_refused()
    {
        await Store.PutAsync(Key("a"), "x"u8.ToArray(), "application/octet-stream", Ct);
        var get = Store.SignGet(Key("a"), TimeSpan.FromMinutes(15));
        var put = Store.SignPut(Key("a"), "application/octet-stream", 1, TimeSpan.FromMinutes(15));

        clock.Advance(TimeSpan.FromMinutes(14));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(get.Url)).StatusCode);

        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(get.Url)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await PutAsync(put, "y"u8.ToArray())).StatusCode);
    }

    [Theory]
    [InlineData("expires=", "9")]
    [InlineData("bytes=", "9")]
    [InlineData("type=", "x")]
    public async Task No_part_of_a_link_can_be_changed(string parameter, string inserted)
    {
        var put = Store.SignPut(Key("a"), "application/octet-stream", 1, TimeSpan.FromMinutes(15));
        var changed = put.Url.Replace(parameter, parameter + inserted, StringComparison.Ordinal);

        Assert.NotEqual(put.Url, changed);
        Assert.Equal(HttpStatusCode.Forbidden, (await PutAsync(put with { Url = changed }, "y"u8.ToArray())).StatusCode);
        Assert.Null(await Store.HeadAsync(Key("a"), Ct));
    }

    [Theory]
    [InlineData("/storage/../storage/a")]
    [InlineData("/storage/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("/storage/..%2f..%2fetc%2fpasswd")]
    [InlineData("/storage/t/.unfinished/a")]
    public async Task A_path_that_could_lead_elsewhere_is_refused(string path)
    {
        var query = new Uri(Store.SignGet("a", TimeSpan.FromMinutes(1)).Url).Query;

        var answer = await SendRawAsync($"GET {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Matches("^HTTP/1.1 40[034] ", answer);
    }

    [Fact]
    public async Task A_head_request_with_a_get_link_tells_size_and_type()
    {
        await Store.PutAsync(Key("a.png"), new byte[5], "image/png", Ct);

        var response = await HeadAsync(Store.SignGet(Key("a.png"), TimeSpan.FromMinutes(1)).Url);

        Assert.Equal((HttpStatusCode.OK, 5L, "image/png"), (response.StatusCode, response.Content.Headers.ContentLength, response.Content.Headers.ContentType?.MediaType));
    }

    [Fact]
    public async Task An_upload_without_a_size_is_refused()
    {
        var target = new Uri(Store.SignPut(Key("a"), "image/png", 3, TimeSpan.FromMinutes(1)).Url);

        var answer = await SendRawAsync($"PUT {target.PathAndQuery} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 411 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_breaks_off_leaves_nothing()
    {
        var target = new Uri(Store.SignPut(Key("a"), "image/png", 100_000, TimeSpan.FromMinutes(1)).Url);

        await SendRawAsync($"PUT {target.PathAndQuery} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\nonly this", hangUp: true);

        await server!.StopAsync(Ct); // Waits for the request to end.
        Assert.Null(await Store.HeadAsync(Key("a"), Ct));
        Assert.Empty(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Readers_see_the_old_object_or_the_new_one_and_never_a_mixture()
    {
        const int Bytes = 3_000_000;
        byte[] old = new byte[Bytes], next = new byte[Bytes];
        next.AsSpan().Fill(1);
        await Store.PutAsync(Key("a"), old, "application/octet-stream", Ct);

        var writing = Task.Run(async () =>
        {
            for (var round = 0; round < 20; round++)
            {
                await Store.PutAsync(Key("a"), round % 2 == 0 ? next : old, "application/octet-stream", Ct);
            }
        }, Ct);
        do
        {
            var seen = await ReadAsync(Key("a"), range: null);
            Assert.Equal(Bytes, seen.Length);
            Assert.True(seen.AsSpan().IndexOfAnyExcept(seen[0]) < 0, "A reader saw parts of two objects.");
        }
        while (!writing.IsCompleted);

        await writing;
    }

    [Fact]
    public async Task Nothing_but_objects_is_left_in_the_folder()
    {
        await Store.PutAsync(Key("j/1/a1/video.mp4"), "x"u8.ToArray(), "video/mp4", Ct);
        await Store.DeletePrefixAsync("t/", Ct);

        Assert.Empty(Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories));
        Assert.False(Directory.Exists(Path.Combine(folder, "t")));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_an_outage()
    {
        // A file where the folder should be stops even root.
        await Store.PutAsync("t/x", "x"u8.ToArray(), "application/octet-stream", Ct);

        var error = await Assert.ThrowsAsync<StorageException>(() => Store.PutAsync("t/x/y", "y"u8.ToArray(), "application/octet-stream", Ct));

        Assert.True(error.IsTransient);
        await Store.DeleteAsync("t/x", Ct);
    }

    [Fact]
    public void Links_use_the_public_address_when_one_is_set()
    {
        server!.Configuration[PublicUrl.Setting] = "https://i2v.example.org/";

        Assert.StartsWith("https://i2v.example.org/storage/t/1?op=get&", Store.SignGet("t/1", TimeSpan.FromMinutes(1)).Url, StringComparison.Ordinal);
    }

    private async Task<string> SendRawAsync(string request, bool hangUp = false)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync("127.0.0.1", new Uri(server!.Urls.First()).Port, Ct);
        var stream = tcp.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Ct);
        if (hangUp)
        {
            return "";
        }

        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(Ct);
    }

    private sealed class ManualClock : TimeProvider
    {
        private TimeSpan ahead;

        public void Advance(TimeSpan by) => ahead += by;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;
    }
}
