using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class LruCacheTests
{
    [Fact]
    public void What_was_asked_for_longest_ago_goes_first()
    {
        var cache = new LruCache<string, string>(2);
        Assert.Equal("A", Get(cache, "a"));
        Assert.Equal("B", Get(cache, "b"));
        Assert.Equal("A", Get(cache, "a"));
        Assert.Equal("C", Get(cache, "c"));

        Assert.Equal(3, cache.Misses);
        Assert.Equal("A", Get(cache, "a"));
        Assert.Equal(3, cache.Misses);
        Assert.Equal("B", Get(cache, "b"));
        Assert.Equal(4, cache.Misses);
        Assert.Equal(2, cache.Hits);
    }

    [Fact]
    public void A_failure_is_tried_again()
    {
        var cache = new LruCache<string, string>(2);

        Assert.Throws<InvalidOperationException>(() => cache.GetOrMake("a", () => throw new InvalidOperationException("no")));

        Assert.Equal("A", Get(cache, "a"));
    }

    private static string Get(LruCache<string, string> cache, string key) => cache.GetOrMake(key, () => key.ToUpperInvariant());
}
