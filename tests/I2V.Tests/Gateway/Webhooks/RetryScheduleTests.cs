using I2V.Gateway.Webhooks;

namespace I2V.Tests.Gateway.Webhooks;

public sealed class RetryScheduleTests
{
    [Fact]
    public void Ten_attempts_are_spread_over_three_days()
    {
        var waits = Enumerable.Range(1, 9).Select(tries => RetrySchedule.After(tries, retryAfter: null)!.Value.TotalSeconds);

        Assert.Equal([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400], waits);
        Assert.Null(RetrySchedule.After(10, retryAfter: null));
    }

    [Theory]
    [InlineData(60, 60)]
    [InlineData(1, 5)]
    [InlineData(-60, 5)]
    [InlineData(1_000_000, 86_400)]
    public void A_receiver_can_ask_for_more_time_up_to_a_day_and_never_for_less(int asked, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RetrySchedule.After(1, TimeSpan.FromSeconds(asked)));

    [Fact]
    public void Asking_for_time_gives_no_eleventh_attempt() => Assert.Null(RetrySchedule.After(10, TimeSpan.FromSeconds(1)));
}
