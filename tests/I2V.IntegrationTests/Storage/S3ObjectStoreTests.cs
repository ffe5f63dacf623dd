using System.Net;
using I2V.Gateway.Storage;
using I2V.IntegrationTests.Servers;
using Microsoft.Extensions.Options;

namespace I2V.IntegrationTests.Storage;

/// <summary>The suite against a real S3 server.</summary>
public sealed class S3ObjectStoreTests : ObjectStoreConformance
{
    private static readonly Lazy<Task<S3StorageOptions>> Settings = new(PrepareAsync);
    private S3ObjectStore? store;

    internal override IObjectStore Store => store!;

    public override async ValueTask InitializeAsync() => store = Create(await Settings.Value);

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        store!.Dispose();
    }

    [Fact]
    public async Task An_expired_link_is_refused()
    {
        await Store.PutAsync(Key("a"), "x"u8.ToArray(), "application/octet-stream", Ct);
        var link = Store.SignGet(Key("a"), TimeSpan.FromSeconds(1));
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        bound.CancelAfter(TimeSpan.FromSeconds(30));

        HttpStatusCode status;
        while ((status = (await GetAsync(link.Url)).StatusCode) == HttpStatusCode.OK)
        {
            bound.Token.ThrowIfCancellationRequested();
        }

        Assert.Equal(HttpStatusCode.Forbidden, status);
    }

    [Fact]
    public async Task Links_carry_the_public_address()
    {
        var settings = await Settings.Value;
        using var store = Create(With(settings, settings.Bucket, publicEndpoint: "https://films.example.org"));

        Assert.StartsWith($"https://films.example.org/{settings.Bucket}/t/1?", store.SignGet("t/1", TimeSpan.FromMinutes(1)).Url, StringComparison.Ordinal);
        Assert.StartsWith($"https://films.example.org/{settings.Bucket}/t/1?", store.SignPut("t/1", "image/png", 1, TimeSpan.FromMinutes(1)).Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_bucket_is_made_even_by_many_at_once()
    {
        var settings = With(await Settings.Value, $"i2v-test-{Guid.NewGuid():N}");
        using var store = Create(settings);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => store.CheckAsync(Ct)));

        await store.PutAsync("a", "x"u8.ToArray(), "application/octet-stream", Ct);
        Assert.NotNull(await store.HeadAsync("a", Ct));
        await store.DeleteAsync("a", Ct);
        using var s3 = S3Client.Create(settings, settings.Endpoint!);
        await s3.DeleteBucketAsync(settings.Bucket, Ct);
    }

    [Fact]
    public async Task A_wrong_secret_is_an_outage_with_its_reason()
    {
        using var store = Create(With(await Settings.Value, "i2v", secretKey: "wrong"));

        var error = await Assert.ThrowsAsync<StorageException>(() => store.CheckAsync(Ct));

        Assert.True(error.IsTransient);
        Assert.Contains("refuses the access key", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_an_outage()
    {
        using var store = Create(new S3StorageOptions { Endpoint = "http://127.0.0.1:1", AccessKey = "a", SecretKey = "b" });

        var error = await Assert.ThrowsAsync<StorageException>(() => store.HeadAsync("a", Ct));

        Assert.Equal(StorageError.Unavailable, error.Error);
    }

    private static async Task<S3StorageOptions> PrepareAsync()
    {
        var server = await S3Server.GetAsync();
        var settings = new S3StorageOptions
        {
            Endpoint = server.Endpoint,
            AccessKey = server.AccessKey,
            SecretKey = server.SecretKey,
            Bucket = server.BucketOrNew(),
        };
        using var store = Create(settings);
        await store.CheckAsync(CancellationToken.None);
        return settings;
    }

    private static S3ObjectStore Create(S3StorageOptions settings) =>
        new(Options.Create(new StorageOptions { Kind = StorageKind.S3, S3 = settings }), TimeProvider.System);

    private static S3StorageOptions With(S3StorageOptions settings, string bucket, string? publicEndpoint = null, string? secretKey = null) => new()
    {
        Endpoint = settings.Endpoint,
        PublicEndpoint = publicEndpoint,
        AccessKey = settings.AccessKey,
        SecretKey = secretKey ?? settings.SecretKey,
        Bucket = bucket,
        Region = settings.Region,
    };
}
