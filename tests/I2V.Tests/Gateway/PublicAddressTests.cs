using System.Net;
using I2V.Gateway.Outbound;

namespace I2V.Tests.Gateway;

public sealed class PublicAddressTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.1.2.3")]
    [InlineData("0.0.0.0")]
    [InlineData("10.0.0.1")]
    [InlineData("100.64.0.1")]
    [InlineData("100.100.100.200")]
    [InlineData("168.63.129.16")]
    [InlineData("169.254.169.254")]
    [InlineData("192.0.0.192")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::127.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b:1::1")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("2002:a9fe:a9fe::")]
    [InlineData("2001:0:4136:e378:8000:63bf:80ff:fffe")]
    [InlineData("2001:db8::1")]
    [InlineData("fc00::1")]
    [InlineData("fd12::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("::ffff:100.64.0.1")]
    [InlineData("64:ff9b::a3f:8110")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    public void An_address_that_a_stranger_must_not_reach_is_not_public(string address) =>
        Assert.False(PublicAddress.Is(IPAddress.Parse(address), []));

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("93.184.216.34")]
    [InlineData("100.128.0.1")]
    [InlineData("168.63.129.17")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("::ffff:1.1.1.1")]
    [InlineData("64:ff9b::101:101")]
    [InlineData("2002:101:101::1")]
    public void An_address_of_the_internet_is_public(string address) => Assert.True(PublicAddress.Is(IPAddress.Parse(address), []));

    [Fact]
    public void An_allowed_network_opens_itself_and_nothing_beside_it()
    {
        IPNetwork[] allowed = [IPNetwork.Parse("10.1.0.0/16")];

        Assert.True(PublicAddress.Is(IPAddress.Parse("10.1.2.3"), allowed));
        Assert.True(PublicAddress.Is(IPAddress.Parse("::ffff:10.1.2.3"), allowed));
        Assert.False(PublicAddress.Is(IPAddress.Parse("10.2.0.1"), allowed));
    }
}
