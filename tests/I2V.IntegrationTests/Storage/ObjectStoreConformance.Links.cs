using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using I2V.Gateway.Storage;

namespace I2V.IntegrationTests.Storage;

/// <summary>The part of the suite that goes through signed URLs, as users and workers do.</summary>
public abstract partial class ObjectStoreConformance
{
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

        var response = await http.SendAsync(request, Ct);

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
    public void A_link_says_when_it_expires()
    {
        var before = TimeProvider.System.GetUtcNow();

        var link = Store.SignGet(Key("a"), TimeSpan.FromMinutes(15));

        Assert.InRange(link.ExpiresAt, before.AddMinutes(14), before.AddMinutes(16));
    }

    [Fact]
    public async Task A_link_may_be_good_for_a_week()
    {
        await Store.PutAsync(Key("a"), Content, "application/octet-stream", Ct);

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(Store.SignGet(Key("a"), TimeSpan.FromDays(7)).Url)).StatusCode);
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
        await using var download = await http.GetStreamAsync(Store.SignGet(Key("big.mp4"), TimeSpan.FromMinutes(10)).Url, Ct);
        Assert.Equal(sent, Convert.ToHexStringLower(await SHA256.HashDataAsync(download, Ct)));
        Assert.InRange(watch.PeakGrowth(), 0, Bytes * 4 / 5); // Other tests run beside this one; a copy of the body would not fit.
    }

    protected async Task<HttpResponseMessage> GetAsync(string url) => await http.GetAsync(new Uri(url), Ct);

    protected async Task<HttpResponseMessage> HeadAsync(string url)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, url);
        return await http.SendAsync(request, Ct);
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

        return await http.PutAsync(new Uri(target.Url), content, Ct);
    }
}
