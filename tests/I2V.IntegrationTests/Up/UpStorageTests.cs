using System.Net;
using I2V.Cli.Configuration;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Servers;

namespace I2V.IntegrationTests.Up;

/// <summary><c>up --storage s3</c> against a real S3 server.</summary>
public sealed class UpStorageTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Films_lie_in_the_bucket_and_are_downloaded_from_it()
    {
        var server = await S3Server.GetAsync();
        var bucket = server.BucketOrNew();
        var data = Path.Combine(TestFolder.Create("up"), "data");
        await using var up = await UpProcess.StartUpAsync(Secret(server.SecretKey), data, Options(server, bucket));
        await up.SaysAsync("Ready after");
        Assert.Contains($"films are kept in the bucket {bucket} at {server.Endpoint}", up.Output, StringComparison.Ordinal);
        using var client = up.Client();
        var job = await Film.SubmitAsync(client);
        await Film.FinishedAsync(client, job);

        // 1. The gateway only points at the server, which needs no key of ours to answer.
        var link = await LinkAsync(client, job);
        Assert.StartsWith($"{server.Endpoint}/{bucket}/", link.AbsoluteUri, StringComparison.Ordinal);
        using var stranger = new HttpClient();
        var film = await stranger.GetByteArrayAsync(link, Ct);
        Assert.True(Film.IsMp4(film));
        using var unsigned = await stranger.GetAsync(link.GetLeftPart(UriPartial.Path), Ct);
        Assert.Equal(HttpStatusCode.Forbidden, unsigned.StatusCode);

        // 2. Picture and film are objects of the bucket, and nothing lies in the folder that would hold them without it.
        using var store = Store(server, bucket);
        var objects = await ListAsync(store);
        Assert.Contains(objects, entry => entry.Key.EndsWith("/input.png", StringComparison.Ordinal));
        Assert.Equal(film.Length, Assert.Single(objects, entry => entry.Key.EndsWith("/video.mp4", StringComparison.Ordinal)).Bytes);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(data, "objects")));

        // 3. The secret travels in environments only, and the worker has none.
        Assert.DoesNotContain(ProcessTree.DescendantsOf(up.Pid), entry => entry.Command.Contains(server.SecretKey, StringComparison.Ordinal));
        Assert.DoesNotContain(server.SecretKey, await File.ReadAllTextAsync($"/proc/{up.Child("I2V.Worker").Pid}/environ", Ct), StringComparison.Ordinal);

        // 4. A deleted job leaves the bucket empty.
        using var deleted = await client.DeleteAsync($"/v1/jobs/{job}", Ct);
        Assert.True(deleted.IsSuccessStatusCode, await deleted.Content.ReadAsStringAsync(Ct));
        await EmptyAsync(store);
    }

    [Fact]
    public async Task A_server_that_refuses_the_secret_ends_it_with_what_to_correct()
    {
        var server = await S3Server.GetAsync();
        var data = Path.Combine(TestFolder.Create("up"), "data");

        await using var up = await UpProcess.StartUpAsync(Secret("wrong"), data, Options(server, "i2v-films"));

        Assert.Equal(ExitCode.Failure, await up.EndsAsync());
        await up.SaysAsync($"(?m)^Films cannot be kept in the bucket i2v-films at {server.Endpoint}: .*refuses the access key.*Correct --s3-endpoint, --s3-bucket, --s3-access-key or I2V_S3_SECRET_KEY");
        Assert.DoesNotContain("Ready after", up.Output, StringComparison.Ordinal);
    }

    private static Dictionary<string, string?> Secret(string secret) => new() { ["I2V_S3_SECRET_KEY"] = secret };

    private static string[] Options(S3Endpoint server, string bucket) =>
        ["--storage", "s3", "--s3-endpoint", server.Endpoint, "--s3-bucket", bucket, "--s3-access-key", server.AccessKey];

    private static S3ObjectStore Store(S3Endpoint server, string bucket) => new(
        Microsoft.Extensions.Options.Options.Create(new StorageOptions
        {
            Kind = StorageKind.S3,
            S3 = new S3StorageOptions { Endpoint = server.Endpoint, AccessKey = server.AccessKey, SecretKey = server.SecretKey, Bucket = bucket },
        }),
        TimeProvider.System);

    private static async Task<Uri> LinkAsync(HttpClient client, string job)
    {
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var direct = new HttpClient(handler) { BaseAddress = client.BaseAddress };
        direct.DefaultRequestHeaders.Authorization = client.DefaultRequestHeaders.Authorization;
        using var answer = await direct.GetAsync($"/v1/jobs/{job}/content?variant=video", Ct);
        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        return answer.Headers.Location!;
    }

    private static async Task<List<ObjectInfo>> ListAsync(S3ObjectStore store)
    {
        List<ObjectInfo> found = [];
        await foreach (var entry in store.ListAsync("t/", Ct))
        {
            found.Add(entry);
        }

        return found;
    }

    private static async Task EmptyAsync(S3ObjectStore store)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (await ListAsync(store) is { Count: > 0 } left)
        {
            Assert.False(patience.IsCancellationRequested, "Still there: " + string.Join(", ", left.Select(entry => entry.Key)));
        }
    }
}
