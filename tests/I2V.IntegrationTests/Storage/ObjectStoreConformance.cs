using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using I2V.Gateway.Storage;

namespace I2V.IntegrationTests.Storage;

/// <summary>What every object store must do, over its interface and over the URLs that it signs. Subclasses bring the store.</summary>
public abstract class ObjectStoreConformance : IAsyncLifetime
{
    private static readonly byte[] Content = Encoding.ASCII.GetBytes("0123456789abcdef");

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromMinutes(5) };
    private readonly string _prefix = $"t/{Guid.NewGuid():N}/";

    internal abstract IObjectStore Store { get; }

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    protected string Key(string name) => _prefix + name;

    public abstract ValueTask InitializeAsync();

    public virtual async ValueTask DisposeAsync()
    {
        await Store.DeletePrefixAsync(_prefix, CancellationToken.None);
        _http.Dispose();
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
    public async Task A_signed_get_serves_the_object_with_its_type()
    {
        await Store.PutAsync(Key("poster.jpg"), Content, "image/jpeg", Ct);

        var response = await GetAsync(Store.SignGet(Key("poster.jpg"), TimeSpan.FromMinutes(1)).Url);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("image/jpeg", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(Content, await response.Content.ReadAsByteArrayAsync(Ct));
    }

    [Fact]
    public async Task A_signed_get_serves_a_range_so_that_players_can_seek()
    {
        await Store.PutAsync(Key("video.mp4"), Content, "video/mp4", Ct);
        using var request = new HttpRequestMessage(HttpMethod.Get, Store.SignGet(Key("video.mp4"), TimeSpan.FromMinutes(1)).Url);
        request.Headers.Range = new RangeHeaderValue(4, 7);

        var response = await _http.SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal("bytes 4-7/16", response.Content.Headers.ContentRange?.ToString());
        Assert.Equal("4567"u8.ToArray(), await response.Content.ReadAsByteArrayAsync(Ct));
    }

    [Fact]
    public async Task A_signed_get_can_name_the_download()
    {
        await Store.PutAsync(Key("video.mp4"), Content, "video/mp4", Ct);

        var response = await GetAsync(Store.SignGet(Key("video.mp4"), TimeSpan.FromMinutes(1), "job_1.mp4").Url);

        Assert.Equal("attachment", response.Content.Headers.ContentDisposition?.DispositionType);
        Assert.Equal("job_1.mp4", response.Content.Headers.ContentDisposition?.FileName?.Trim('"'));
    }

    [Fact]
    public async Task A_signed_put_stores_what_was_announced()
    {
        var target = Store.SignPut(Key("a1/video.mp4"), "video/mp4", Content.Length, TimeSpan.FromMinutes(1));

        var response = await PutAsync(target, Content);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Ct));
        Assert.Equal(Content, await ReadAsync(Key("a1/video.mp4"), range: null));
        Assert.Equal("video/mp4", (await Store.HeadAsync(Key("a1/video.mp4"), Ct))!.ContentType);
    }

    [Theory]
    [InlineData(15)]
    [InlineData(17)]
    public async Task A_signed_put_of_another_size_is_refused_and_stores_nothing(int bytes)
    {
        var target = Store.SignPut(Key("a1/video.mp4"), "video/mp4", Content.Length, TimeSpan.FromMinutes(1));

        var response = await PutAsync(target, new byte[bytes]);

        Assert.InRange((int)response.StatusCode, 400, 499);
        Assert.Null(await Store.HeadAsync(Key("a1/video.mp4"), Ct));
    }

    [Fact]
    public async Task A_signed_put_of_another_type_is_refused()
    {
        var target = Store.SignPut(Key("a1/video.mp4"), "video/mp4", Content.Length, TimeSpan.FromMinutes(1));

        var response = await PutAsync(target with { Headers = new Dictionary<string, string> { ["Content-Type"] = "text/html" } }, Content);

        Assert.InRange((int)response.StatusCode, 400, 499);
        Assert.Null(await Store.HeadAsync(Key("a1/video.mp4"), Ct));
    }

    [Fact]
    public async Task A_tampered_signature_is_refused()
    {
        await Store.PutAsync(Key("a"), Content, "application/octet-stream", Ct);
        var url = Store.SignGet(Key("a"), TimeSpan.FromMinutes(1)).Url;
        var at = url.IndexOf("ignature=", StringComparison.Ordinal) + "ignature=".Length;
        var tampered = url[..at] + (url[at] == '0' ? '1' : '0') + url[(at + 1)..];

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(url)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(tampered)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(url[..(at - "&Xignature=".Length)])).StatusCode);
    }

    [Fact]
    public async Task A_link_opens_its_own_object_only()
    {
        await Store.PutAsync(Key("mine"), Content, "application/octet-stream", Ct);
        await Store.PutAsync(Key("other"), Content, "application/octet-stream", Ct);
        var url = Store.SignGet(Key("mine"), TimeSpan.FromMinutes(1)).Url;

        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(url.Replace("/mine?", "/other?", StringComparison.Ordinal))).StatusCode);
    }

    [Fact]
    public async Task A_link_allows_its_own_method_only()
    {
        await Store.PutAsync(Key("a"), Content, "application/octet-stream", Ct);
        var get = Store.SignGet(Key("a"), TimeSpan.FromMinutes(1));
        var put = Store.SignPut(Key("a"), "application/octet-stream", 2, TimeSpan.FromMinutes(1));

        Assert.Equal(HttpStatusCode.Forbidden, (await GetAsync(put.Url)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await PutAsync(put with { Url = get.Url }, "no"u8.ToArray())).StatusCode);
        Assert.Equal(Content, await ReadAsync(Key("a"), range: null));
    }

    [Fact]
    public async Task A_link_says_when_it_expires()
    {
        var before = TimeProvider.System.GetUtcNow();

        var link = Store.SignGet(Key("a"), TimeSpan.FromMinutes(15));

        Assert.InRange(link.ExpiresAt, before.AddMinutes(14), before.AddMinutes(16));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Half_a_gigabyte_goes_up_and_comes_back_unchanged_in_little_memory()
    {
        const long Bytes = 500_000_000;
        var target = Store.SignPut(Key("big.mp4"), "video/mp4", Bytes, TimeSpan.FromMinutes(10));
        using var source = new PseudoRandomStream(Bytes, seed: 7);
        using var content = new StreamContent(source, bufferSize: 1 << 20);
        content.Headers.ContentLength = Bytes;
        using var watch = new MemoryWatch();

        var response = await PutAsync(target, content);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync(Ct));
        var sent = source.Sha256();
        Assert.Equal(Bytes, (await Store.HeadAsync(Key("big.mp4"), Ct))!.Bytes);
        Assert.Equal(sent, await Store.Sha256Async(Key("big.mp4"), Ct));
        await using var download = await _http.GetStreamAsync(Store.SignGet(Key("big.mp4"), TimeSpan.FromMinutes(10)).Url, Ct);
        Assert.Equal(sent, Convert.ToHexStringLower(await SHA256.HashDataAsync(download, Ct)));
        Assert.InRange(watch.PeakGrowth(), 0, 200_000_000);
    }

    [Fact]
    public async Task A_check_of_a_healthy_store_succeeds_and_leaves_nothing()
    {
        await Store.CheckAsync(Ct);

        Assert.Empty(await Store.ListAsync("health/", Ct).ToListAsync(Ct));
    }

    protected async Task<HttpResponseMessage> GetAsync(string url) => await _http.GetAsync(new Uri(url), Ct);

    protected async Task<HttpResponseMessage> HeadAsync(string url)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, url);
        return await _http.SendAsync(request, Ct);
    }

    internal async Task<HttpResponseMessage> PutAsync(SignedUrl target, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        return await PutAsync(target, content);
    }

    internal async Task<HttpResponseMessage> PutAsync(SignedUrl target, HttpContent content)
    {
        foreach (var (name, value) in target.Headers)
        {
            content.Headers.TryAddWithoutValidation(name, value);
        }

        return await _http.PutAsync(new Uri(target.Url), content, Ct);
    }

    protected async Task<byte[]> ReadAsync(string key, object? range)
    {
        await using var stream = await Store.OpenReadAsync(key, (ByteRange?)range, Ct);
        using var memory = new MemoryStream();
        await stream.CopyToAsync(memory, Ct);
        return memory.ToArray();
    }
}
