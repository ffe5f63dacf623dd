using System.Text;
using I2V.Gateway.Webhooks;

namespace I2V.Tests.Gateway.Webhooks;

public sealed class WebhookSignatureTests
{
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    private static readonly DateTimeOffset Timestamp = DateTimeOffset.FromUnixTimeSeconds(1_614_265_330);
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("{\"test\": 2432232314}");
    private static readonly byte[] Secret = Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

    [Fact]
    public void The_signature_is_that_of_the_standards_own_example() =>
        Assert.Equal(Signature, WebhookSignature.Of(Id, Timestamp, Body, [Secret]));

    [Fact]
    public void Two_secrets_give_two_signatures_in_their_order()
    {
        var other = WebhookSignature.Of(Id, Timestamp, Body, [new byte[32]]);

        Assert.NotEqual(Signature, other);
        Assert.Equal($"{other} {Signature}", WebhookSignature.Of(Id, Timestamp, Body, [new byte[32], Secret]));
    }

    [Theory]
    [InlineData("msg_other", 0, "{\"test\": 2432232314}")]
    [InlineData(Id, 1, "{\"test\": 2432232314}")]
    [InlineData(Id, 0, "{\"test\": 2432232315}")]
    public void Id_time_and_body_are_all_signed(string id, int secondsLater, string body) =>
        Assert.NotEqual(Signature, WebhookSignature.Of(id, Timestamp.AddSeconds(secondsLater), Encoding.UTF8.GetBytes(body), [Secret]));

    [Fact]
    public void A_secret_is_written_with_its_prefix_in_base64_and_drawn_anew_each_time()
    {
        Assert.Equal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", WebhookSecret.Format(Secret));
        Assert.Equal(32, WebhookSecret.Draw().Length);
        Assert.NotEqual(WebhookSecret.Draw(), WebhookSecret.Draw());
    }
}
