using I2V.Gateway.Webhooks;

namespace I2V.Tests.Gateway.Webhooks;

public sealed class WebhookUrlTests
{
    [Theory]
    [InlineData("https://example.com/hooks")]
    [InlineData("https://example.com:8443/hooks?tenant=7")]
    [InlineData("https://93.184.216.34/")]
    [InlineData("https://[2606:4700::1111]/")]
    public void An_https_address_of_the_internet_is_fine(string url) => Assert.Null(WebhookUrl.FindProblem(url, new WebhookOptions()));

    [Theory]
    [InlineData("hooks", "absolute")]
    [InlineData("/hooks", "https")]
    [InlineData("https:///", "absolute")]
    [InlineData("http://example.com/", "scheme http")]
    [InlineData("ftp://example.com/", "scheme ftp")]
    [InlineData("https://me@example.com/", "user name")]
    [InlineData("https://example.com/#top", "fragment")]
    [InlineData("https://127.0.0.1/", "public internet")]
    [InlineData("https://0x7f000001/", "public internet")]
    [InlineData("https://2130706433/", "public internet")]
    [InlineData("https://0177.0.0.1/", "public internet")]
    [InlineData("https://10.0.0.1/", "public internet")]
    [InlineData("https://100.64.0.1/", "public internet")]
    [InlineData("https://168.63.129.16/", "public internet")]
    [InlineData("https://169.254.169.254/latest/meta-data", "public internet")]
    [InlineData("https://[::1]/", "public internet")]
    [InlineData("https://[::ffff:192.168.0.1]/", "public internet")]
    [InlineData("https://[fd00:ec2::254]/", "public internet")]
    [InlineData("https://[fe80::1]/", "public internet")]
    [InlineData("https://[64:ff9b::a00:1]/", "public internet")]
    [InlineData("https://[2002:a00:1::]/", "public internet")]
    public void Anything_else_is_refused_with_the_reason(string url, string says) =>
        Assert.Contains(says, WebhookUrl.FindProblem(url, new WebhookOptions()), StringComparison.Ordinal);

    [Fact]
    public void The_operator_may_allow_http_and_networks()
    {
        var options = new WebhookOptions { AllowHttp = true, AllowedNetworks = { "10.1.0.0/16" } };

        Assert.Null(WebhookUrl.FindProblem("http://10.1.2.3/", options));
        Assert.NotNull(WebhookUrl.FindProblem("http://10.2.0.1/", options));
        Assert.NotNull(WebhookUrl.FindProblem("ftp://10.1.2.3/", options));
    }
}
