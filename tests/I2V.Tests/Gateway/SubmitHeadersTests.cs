using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using Microsoft.AspNetCore.Http;

namespace I2V.Tests.Gateway;

public sealed class SubmitHeadersTests
{
    [Theory]
    [InlineData("120", 120)]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("2h", 7200)]
    [InlineData("1d", 86_400)]
    [InlineData("1500ms", 1.5)]
    public void Durations_are_seconds_or_carry_a_unit(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Read(("Cancel-After", text)).CancelAfter);

    [Theory]
    [InlineData("\"abc\"", "abc")]
    [InlineData("abc", "abc")]
    [InlineData("\"a b\"", "a b")]
    public void A_key_comes_quoted_or_bare(string header, string key) => Assert.Equal(key, Read(("Idempotency-Key", header)).IdempotencyKey);

    [Theory]
    [InlineData("respond-async, wait=30", 30)]
    [InlineData("wait=0", 0)]
    [InlineData("wait=60", 60)]
    public void Prefer_says_how_long_to_wait(string header, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Read(("Prefer", header)).Wait);

    [Theory]
    [InlineData("Prefer", "wait=61")]
    [InlineData("Prefer", "wait=soon")]
    [InlineData("Idempotency-Key", "")]
    [InlineData("Idempotency-Key", "\"\"")]
    [InlineData("Idempotency-Key", "naïve")]
    [InlineData("Cancel-After", "0")]
    [InlineData("Cancel-After", "8d")]
    [InlineData("Cancel-After", "-1")]
    [InlineData("X-Start-Timeout", "later")]
    public void A_header_that_is_not_understood_is_refused_by_name(string name, string value)
    {
        var refused = Assert.Throws<RefusedException>(() => Read((name, value)));

        Assert.Equal(400, refused.Problem.StatusCode);
        Assert.Contains(name, refused.Problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_of_256_characters_is_too_long() =>
        Assert.Throws<RefusedException>(() => Read(("Idempotency-Key", new string('k', 256))));

    private static SubmitHeaders Read(params (string Name, string Value)[] headers)
    {
        var request = new DefaultHttpContext().Request;
        foreach (var (name, value) in headers)
        {
            request.Headers[name] = value;
        }

        return SubmitHeaders.Read(request);
    }
}
