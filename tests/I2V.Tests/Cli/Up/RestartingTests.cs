using I2V.Cli.Up;

namespace I2V.Tests.Cli.Up;

public sealed class RestartingTests
{
    private readonly ManualTimeProvider time = new();

    [Fact]
    public void The_fifth_death_within_a_minute_is_one_too_many()
    {
        var deaths = new DeathCount(time);
        for (var i = 0; i < 4; i++)
        {
            Assert.False(deaths.Add());
            time.Advance(TimeSpan.FromSeconds(15));
        }

        Assert.True(deaths.Add());
    }

    [Fact]
    public void Deaths_that_are_more_than_a_minute_old_are_forgotten()
    {
        var deaths = new DeathCount(time);
        for (var i = 0; i < 20; i++)
        {
            Assert.False(deaths.Add());
            time.Advance(TimeSpan.FromSeconds(15.1));
        }
    }

    [Fact]
    public void The_pause_doubles_from_one_second_to_thirty()
    {
        var delay = new RestartDelay();
        var seconds = Enumerable.Range(0, 7).Select(_ => delay.After(TimeSpan.Zero).TotalSeconds);
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], seconds);
    }

    [Fact]
    public void A_minute_of_life_brings_the_pause_back_to_one_second()
    {
        var delay = new RestartDelay();
        delay.After(TimeSpan.Zero);
        delay.After(TimeSpan.Zero);
        Assert.Equal(1, delay.After(TimeSpan.FromMinutes(1)).TotalSeconds);
        Assert.Equal(2, delay.After(TimeSpan.Zero).TotalSeconds);
    }
}
