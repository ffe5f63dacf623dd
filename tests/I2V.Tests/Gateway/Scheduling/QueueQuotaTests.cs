using I2V.Gateway.Scheduling;

namespace I2V.Tests.Gateway.Scheduling;

public sealed class QueueQuotaTests
{
    private static readonly Guid Tenant = Guid.NewGuid();

    private readonly ManualTimeProvider clock = new();

    [Fact]
    public void Nobody_gets_in_without_a_count()
    {
        Assert.False(new QueueQuota(clock).TryTake(Tenant));
    }

    [Fact]
    public void A_count_spares_exactly_the_submits_that_surely_fit()
    {
        var quota = new QueueQuota(clock);
        quota.Counted(Tenant, maxQueued: QueueQuota.Margin + 10, queued: 7);

        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => quota.TryTake(Tenant)));
    }

    [Fact]
    public void A_count_is_believed_for_less_than_a_second()
    {
        var quota = new QueueQuota(clock);
        quota.Counted(Tenant, maxQueued: 10_000, queued: 0);

        clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.True(quota.TryTake(Tenant));

        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(quota.TryTake(Tenant));
    }

    [Fact]
    public void Concurrent_submits_never_share_a_place()
    {
        var quota = new QueueQuota(clock);
        quota.Counted(Tenant, maxQueued: QueueQuota.Margin + 100, queued: 0);
        var taken = 0;

        Parallel.For(0, 1000, _ =>
        {
            if (quota.TryTake(Tenant))
            {
                Interlocked.Increment(ref taken);
            }
        });

        Assert.Equal(100, taken);
    }
}
