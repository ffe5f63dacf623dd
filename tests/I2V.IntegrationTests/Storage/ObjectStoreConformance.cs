using System.Net;
using System.Security.Cryptography;
using System.Text;
using I2V.Gateway.Storage;

namespace I2V.IntegrationTests.Storage;

/// <summary>What every object store must do, over its interface and over the URLs that it signs. Subclasses bring the store.</summary>
public abstract partial class ObjectStoreConformance : IAsyncLifetime
{
    private static readonly byte[] Content = Encoding.ASCII.GetBytes("0123456789abcdef");

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromMinutes(5) };
    private readonly string prefix = $"t/{Guid.NewGuid():N}/";

    internal abstract IObjectStore Store { get; }

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected string Key(string name) => prefix + name;

    public abstract ValueTask InitializeAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await Store.DeletePrefixAsync(prefix, CancellationToken.None);
        http.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_is_put_is_read_back()
    {
        await Store.PutAsync(Key("j/1/input.png"), Content, "image/png", Ct);

        Assert.Equal(Content, await ReadAsync(Key("j/1/input.png"), range: null));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Content)), await Store.Sha256Async(Key("j/1/input.png"), Ct));
    }

    [Fact]
    public async Task A_second_put_replaces_the_first()
    {
        await Store.PutAsync(Key("a.json"), Content, "application/json", Ct);
        await Store.PutAsync(Key("a.json"), "{}"u8.ToArray(), "application/json", Ct);

        Assert.Equal("{}"u8.ToArray(), await ReadAsync(Key("a.json"), range: null));
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        await Store.PutAsync(Key("empty"), ReadOnlyMemory<byte>.Empty, "application/octet-stream", Ct);

        Assert.Empty(await ReadAsync(Key("empty"), range: null));
        Assert.Equal(0, (await Store.HeadAsync(Key("empty"), Ct))!.Bytes);
    }

    [Fact]
    public async Task A_put_begins_where_the_stream_stands_and_leaves_it_open()
    {
        using var stream = new MemoryStream(Content) { Position = 10 };
        await Store.PutAsync(Key("tail"), stream, "application/octet-stream", Ct);

        Assert.Equal(Content[10..], await ReadAsync(Key("tail"), range: null));
        Assert.True(stream.CanRead);
    }

    [Theory]
    [InlineData(0L, 3L, "0123")]
    [InlineData(10L, null, "abcdef")]
    [InlineData(15L, 15L, "f")]
    [InlineData(12L, 999L, "cdef")]
    public async Task A_range_is_read_alone(long from, long? to, string expected)
    {
        await Store.PutAsync(Key("range"), Content, "application/octet-stream", Ct);

        Assert.Equal(expected, Encoding.ASCII.GetString(await ReadAsync(Key("range"), new ByteRange(from, to))));
    }

    [Fact]
    public async Task A_range_past_the_end_is_refused()
    {
        await Store.PutAsync(Key("range"), Content, "application/octet-stream", Ct);

        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(Key("range"), new ByteRange(16)));

        Assert.Equal(StorageError.InvalidRange, error.Error);
    }

    [Fact]
    public async Task Head_tells_size_type_and_time()
    {
        var before = TimeProvider.System.GetUtcNow();
        await Store.PutAsync(Key("video.mp4"), Content, "video/mp4", Ct);

        var head = await Store.HeadAsync(Key("video.mp4"), Ct);

        Assert.Equal((Key("video.mp4"), 16L, "video/mp4"), (head!.Key, head.Bytes, head.ContentType));
        Assert.InRange(head.LastModified, before.AddMinutes(-1), before.AddMinutes(1));
    }

    [Fact]
    public async Task What_is_not_there_is_said_so()
    {
        Assert.Null(await Store.HeadAsync(Key("nothing"), Ct));
        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(Key("nothing"), range: null));
        Assert.Equal(StorageError.NotFound, error.Error);
        Assert.False(error.IsTransient);
        await Store.DeleteAsync(Key("nothing"), Ct);
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync(Store.SignGet(Key("nothing"), TimeSpan.FromMinutes(1)).Url)).StatusCode);
    }

    [Fact]
    public async Task A_deleted_object_is_gone_and_its_neighbours_stay()
    {
        await Store.PutAsync(Key("j/1/a"), Content, "application/octet-stream", Ct);
        await Store.PutAsync(Key("j/1/b"), Content, "application/octet-stream", Ct);

        await Store.DeleteAsync(Key("j/1/a"), Ct);

        Assert.Null(await Store.HeadAsync(Key("j/1/a"), Ct));
        Assert.NotNull(await Store.HeadAsync(Key("j/1/b"), Ct));
    }

    [Fact]
    public async Task A_prefix_lists_its_objects_only()
    {
        string[] below = [Key("j/1/input.png"), Key("j/1/a1/video.mp4"), Key("j/1/a2/video.mp4")];
        foreach (var key in below.Append(Key("j/10/input.png")))
        {
            await Store.PutAsync(key, Content, "application/octet-stream", Ct);
        }

        var listed = await Store.ListAsync(Key("j/1/"), Ct).ToListAsync(Ct);

        Assert.Equal(below.Order(StringComparer.Ordinal), listed.Select(found => found.Key).Order(StringComparer.Ordinal));
        Assert.All(listed, found => Assert.Equal(16, found.Bytes));
        Assert.Empty(await Store.ListAsync(Key("j/2/"), Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task A_walk_by_pages_sees_everything_once_also_when_what_it_saw_is_deleted()
    {
        string[] names = ["a-b", "a.b", "a/c", "a0/b", "b/1/x", "b/1.5/x", "b/10/x", "b/2", "c"];
        foreach (var name in names)
        {
            await Store.PutAsync(Key(name), Content, "application/octet-stream", Ct);
        }

        List<string> seen = [];
        IReadOnlyList<ObjectInfo> page = [];
        do
        {
            page = await Store.ListPageAsync(page.Count == 0 ? "" : page[^1].Key, most: 2, Ct);
            foreach (var found in page.Where(found => found.Key.StartsWith(prefix, StringComparison.Ordinal)))
            {
                seen.Add(found.Key);
                Assert.InRange(found.LastModified, TimeProvider.System.GetUtcNow().AddMinutes(-10), TimeProvider.System.GetUtcNow().AddMinutes(10));
                await Store.DeleteAsync(found.Key, Ct);
            }
        }
        while (page.Count == 2);

        Assert.Equal(names.Select(Key).Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Deleting_a_prefix_removes_its_objects_only()
    {
        for (var number = 0; number < 20; number++)
        {
            await Store.PutAsync(Key($"j/1/a{number}/video.mp4"), Content, "video/mp4", Ct);
        }

        await Store.PutAsync(Key("j/10/input.png"), Content, "image/png", Ct);

        await Store.DeletePrefixAsync(Key("j/1/"), Ct);

        Assert.Equal([Key("j/10/input.png")], await Store.ListAsync(Key("j/"), Ct).Select(found => found.Key).ToListAsync(Ct));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("t/../../secret")]
    [InlineData("t//a")]
    [InlineData("t/./a")]
    [InlineData("t/.hidden")]
    [InlineData("t/a/")]
    [InlineData("t\\a")]
    [InlineData("t/%2e%2e/a")]
    [InlineData("t/A")]
    [InlineData("t/a\n")]
    [InlineData("")]
    public async Task A_key_that_could_lead_elsewhere_is_refused_by_every_operation(string key)
    {
        var minute = TimeSpan.FromMinutes(1);
        await Assert.ThrowsAsync<ArgumentException>(() => Store.PutAsync(key, Content, "image/png", Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => ReadAsync(key, range: null));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.HeadAsync(key, Ct));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.DeleteAsync(key, Ct));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.ListAsync(key + "x", Ct).ToListAsync(Ct));
        Assert.Throws<ArgumentException>(() => Store.SignGet(key, minute));
        Assert.Throws<ArgumentException>(() => Store.SignPut(key, "image/png", 1, minute));
    }

    [Fact]
    public async Task A_check_of_a_healthy_store_succeeds_and_leaves_nothing()
    {
        await Store.CheckAsync(Ct);

        Assert.Empty(await Store.ListAsync("health/", Ct).ToListAsync(Ct));
    }

    protected async Task<byte[]> ReadAsync(string key, object? range)
    {
        await using var stream = await Store.OpenReadAsync(key, (ByteRange?)range, Ct);
        using var memory = new MemoryStream();
        await stream.CopyToAsync(memory, Ct);
        return memory.ToArray();
    }
}
