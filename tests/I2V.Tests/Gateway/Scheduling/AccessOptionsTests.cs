using I2V.Gateway.Access;

namespace I2V.Tests.Gateway.Scheduling;

public sealed class AccessOptionsTests
{
    private static readonly string Secret = new('s', 43);
    private static readonly string Pepper = Convert.ToBase64String(new byte[32]);

    [Theory]
    [InlineData("")]
    [InlineData("not base64!")]
    [InlineData("c2hvcnQ=")]
    public void A_pepper_that_protects_nothing_is_refused(string pepper)
    {
        Assert.Contains("Access:Pepper", new AccessOptions { Pepper = pepper }.FindProblem()!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_malformed_bootstrap_key_is_named_and_not_repeated()
    {
        var problem = new AccessOptions { Pepper = Pepper, BootstrapWorkerKey = "oh-my-secret" }.FindProblem()!;

        Assert.Contains("BootstrapWorkerKey", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("oh-my-secret", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pepper_and_two_keys_are_enough()
    {
        var options = new AccessOptions { Pepper = Pepper, BootstrapApiKey = "i2v_live_abcdEF12_" + Secret, BootstrapWorkerKey = null };

        Assert.Null(options.FindProblem());
    }

    [Theory]
    [InlineData("i2v_live_abcdEF12_", true)]
    [InlineData("i2v_test_abcdEF12_", false)]
    [InlineData("i2v_live_abcdEF1_", false)]
    [InlineData("i2v_live_abcdEF1-_", false)]
    [InlineData(" i2v_live_abcdEF12_", false)]
    public void A_key_has_one_form(string beginning, bool accepted)
    {
        Assert.Equal(accepted, ApiKey.TryParse(beginning + Secret, out _));
        Assert.False(ApiKey.TryParse(beginning + Secret[..42], out _));
        Assert.False(ApiKey.TryParse(beginning + Secret + "\n", out _));
    }

    [Fact]
    public void A_key_in_a_log_line_shows_its_public_part_only()
    {
        Assert.True(ApiKey.TryParse("i2v_live_abcdEF12_" + Secret, out var key));

        Assert.Equal("i2v_live_abcdEF12_…", key.ToString());
    }
}
