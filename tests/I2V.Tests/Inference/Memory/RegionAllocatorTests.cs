using I2V.Inference.Native;

namespace I2V.Tests.Inference.Memory;

public sealed class RegionAllocatorTests
{
    private const long Page = 4096;

    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(true, 3)]
    [InlineData(false, 4)]
    [InlineData(false, 5)]
    [InlineData(false, 6)]
    public void Whatever_is_asked_and_given_back_blocks_are_whole_apart_and_accounted_for(bool sparse, int seed)
    {
        var backing = new SimulatedBacking(sparse);
        var budget = new CommitBudget { Limit = 300 * Page };
        var allocator = new RegionAllocator(backing, budget, sparse ? 4000 * Page : 8 * Page);
        var live = new SortedDictionary<long, long>();
        var random = new Random(seed);
        var refused = 0;

        for (var round = 0; round < 6000; round++)
        {
            if (random.Next(5) < 3)
            {
                var bytes = random.Next(4) == 0 ? random.Next(1, (int)(40 * Page)) : random.Next(1, 3000);
                var address = allocator.Allocate(bytes, out var refusal);
                Assert.Equal(address == 0, refusal != AllocationRefusal.None);
                refused += address == 0 ? 1 : 0;
                if (address != 0)
                {
                    Assert.Equal(0, address % RegionAllocator.Alignment);
                    live.Add(address, (bytes + 511) / 512 * 512);
                }
            }
            else if (live.Count > 0)
            {
                var victim = live.Keys.ElementAt(random.Next(live.Count));
                Assert.True(allocator.TryFree((nint)victim));
                live.Remove(victim);
            }

            if (random.Next(100) == 0)
            {
                allocator.Trim(random.Next(2) == 0 ? long.MaxValue : random.Next((int)(20 * Page)));
            }

            if (round % 16 == 0)
            {
                AssertSound(backing, budget, allocator, live);
            }
        }

        Assert.True(refused > 0, "The trace never reached the budget.");
        foreach (var address in live.Keys)
        {
            Assert.True(allocator.TryFree((nint)address));
        }

        allocator.Trim();
        Assert.Equal((0, 0, 0, 0), (allocator.LiveBytes, allocator.CommittedBytes, budget.Committed, backing.CommittedBytes));
        Assert.False(allocator.HasIdleMemory);
        Assert.Equal(sparse ? 1 : 0, backing.Reservations);
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(0, 2, 1)]
    [InlineData(1, 0, 2)]
    [InlineData(1, 2, 0)]
    [InlineData(2, 0, 1)]
    [InlineData(2, 1, 0)]
    public void Neighbours_become_one_block_in_whatever_order_they_are_given_back(int first, int second, int third)
    {
        var (_, allocator) = Plain(3 * Page);
        nint[] blocks = [Take(allocator, Page), Take(allocator, Page), Take(allocator, Page)];

        foreach (var index in (int[])[first, second, third])
        {
            allocator.TryFree(blocks[index]);
        }

        Assert.Equal(blocks[0], Take(allocator, 3 * Page));
    }

    [Fact]
    public void The_smallest_hole_that_is_large_enough_is_taken_the_lowest_among_equals()
    {
        var (_, allocator) = Plain(64 * Page);
        var blocks = "81214121".Select(pages => Take(allocator, (pages - '0') * Page)).ToArray();
        foreach (var index in (int[])[0, 2, 4, 6])
        {
            allocator.TryFree(blocks[index]);
        }

        Assert.Equal(blocks[2], Take(allocator, 2 * Page));
        Assert.Equal(blocks[6], Take(allocator, 2 * Page));
        Assert.Equal(blocks[4], Take(allocator, 3 * Page));
        Assert.Equal(blocks[0], Take(allocator, 5 * Page));
    }

    [Fact]
    public void Memory_is_put_behind_pages_that_are_touched_and_no_others()
    {
        var backing = new SimulatedBacking(sparse: true);
        var allocator = new RegionAllocator(backing, new CommitBudget(), 1000 * Page);

        Take(allocator, 512);
        Assert.Equal(Page, backing.CommittedBytes);
        Take(allocator, Page - 512);
        Assert.Equal(Page, backing.CommittedBytes);
        var large = Take(allocator, (10 * Page) + 1);
        Assert.Equal(12 * Page, backing.CommittedBytes);

        allocator.TryFree(large);
        Assert.Equal(12 * Page, backing.CommittedBytes);
        Assert.Equal(11 * Page, allocator.Trim());
        Assert.Equal(Page, backing.CommittedBytes);

        Assert.Equal(large, Take(allocator, 3 * Page));
        Assert.True(backing.IsUsable(large, 3 * Page));
    }

    [Fact]
    public void A_page_that_a_live_block_shares_keeps_its_memory()
    {
        var backing = new SimulatedBacking(sparse: true);
        var allocator = new RegionAllocator(backing, new CommitBudget(), 100 * Page);
        var left = Take(allocator, Page + 512);
        var middle = Take(allocator, 3 * Page);
        var right = Take(allocator, 512);

        allocator.TryFree(middle);
        allocator.Trim();

        Assert.True(backing.IsUsable(left, Page + 512));
        Assert.True(backing.IsUsable(right, 512));
        Assert.Equal(3 * Page, backing.CommittedBytes);
        Assert.False(allocator.HasIdleMemory);
    }

    [Fact]
    public void A_trim_to_a_measure_takes_the_highest_pages_and_stops()
    {
        var backing = new SimulatedBacking(sparse: true);
        var allocator = new RegionAllocator(backing, new CommitBudget(), 100 * Page);
        var low = Take(allocator, 4 * Page);
        var wall = Take(allocator, Page);
        var high = Take(allocator, 4 * Page);
        allocator.TryFree(low);
        allocator.TryFree(high);

        Assert.Equal(2 * Page, allocator.Trim((2 * Page) - 1));

        Assert.True(backing.IsUsable(low, 4 * Page) && backing.IsUsable(wall, Page) && backing.IsUsable(high, 2 * Page));
        Assert.False(backing.IsUsable(high, 3 * Page));
    }

    [Fact]
    public void The_budget_counts_pages_and_is_shared()
    {
        var budget = new CommitBudget { Limit = 4 * Page };
        var backing = new SimulatedBacking(sparse: true);
        var one = new RegionAllocator(backing, budget, 100 * Page);
        var other = new RegionAllocator(backing, budget, 100 * Page);
        Take(one, 3 * Page);

        Assert.Equal(0, other.Allocate(Page + 1, out var refusal));
        Assert.Equal(AllocationRefusal.OverBudget, refusal);
        Assert.NotEqual(0, other.Allocate(Page, out _));
        Assert.Equal(4 * Page, budget.Committed);
        Assert.Equal((3 * Page, Page), (one.LiveBytes, other.LiveBytes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_full_device_refuses_and_says_that_it_was_the_device(bool sparse)
    {
        var backing = new SimulatedBacking(sparse, capacity: 4 * Page);
        var budget = new CommitBudget();
        var allocator = new RegionAllocator(backing, budget, sparse ? 100 * Page : Page);
        var first = Take(allocator, 3 * Page);

        Assert.Equal(0, allocator.Allocate(2 * Page, out var refusal));
        Assert.Equal(AllocationRefusal.DeviceFull, refusal);
        Assert.Equal(budget.Committed, backing.CommittedBytes);
        Assert.True(backing.IsUsable(first, 3 * Page));
        Assert.NotEqual(0, allocator.Allocate(Page, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_smallest_blocks_are_512_bytes(long bytes)
    {
        var (_, allocator) = Plain(Page);
        var first = Take(allocator, bytes);

        Assert.Equal(512, allocator.LiveBytes);
        Assert.Equal(first + 512, Take(allocator, bytes));
    }

    [Fact]
    public void A_size_that_cannot_be_is_refused()
    {
        var (backing, allocator) = Plain(Page);

        Assert.Equal(0, allocator.Allocate(long.MaxValue, out var refusal));
        Assert.Equal(AllocationRefusal.DeviceFull, refusal);
        Assert.Equal(0, backing.Reservations);
    }

    [Fact]
    public void An_address_that_is_not_a_blocks_is_not_freed()
    {
        var (_, allocator) = Plain(4 * Page);
        var block = Take(allocator, 2 * Page);

        Assert.False(allocator.TryFree(block + 512));
        Assert.False(allocator.TryFree(12345));
        Assert.True(allocator.TryFree(block));
        Assert.False(allocator.TryFree(block));
        Assert.Equal(0, allocator.LiveBytes);
    }

    [Fact]
    public void Where_addresses_are_memory_a_large_request_gets_a_range_of_its_own_size()
    {
        var (backing, allocator) = Plain(8 * Page);

        Take(allocator, Page);
        Assert.Equal(8 * Page, backing.CommittedBytes);
        var large = Take(allocator, 20 * Page);
        Assert.Equal(28 * Page, backing.CommittedBytes);

        allocator.TryFree(large);
        Assert.True(allocator.HasIdleMemory);
        Assert.Equal(20 * Page, allocator.Trim());
        Assert.Equal(8 * Page, backing.CommittedBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_lost_device_does_not_take_back_stays_on_the_books(bool sparse)
    {
        var backing = new SimulatedBacking(sparse);
        var allocator = new RegionAllocator(backing, new CommitBudget(), 8 * Page);
        allocator.TryFree(Take(allocator, 8 * Page));
        backing.IsLost = true;

        Assert.Equal(0, allocator.Trim());
        Assert.Equal(8 * Page, allocator.CommittedBytes);

        backing.IsLost = false;
        Assert.Equal(8 * Page, allocator.Trim());
    }

    private static void AssertSound(SimulatedBacking backing, CommitBudget budget, RegionAllocator allocator, SortedDictionary<long, long> live)
    {
        long end = 0;
        foreach (var (address, bytes) in live)
        {
            Assert.True(address >= end, "Two blocks overlap.");
            Assert.True(backing.IsUsable((nint)address, bytes), "A block lies where there is no memory.");
            end = address + bytes;
        }

        Assert.Equal(live.Values.Sum(), allocator.LiveBytes);
        Assert.Equal(backing.CommittedBytes, allocator.CommittedBytes);
        Assert.Equal(backing.CommittedBytes, budget.Committed);
        Assert.InRange(budget.Committed, 0, budget.Limit);
    }

    private static (SimulatedBacking Backing, RegionAllocator Allocator) Plain(long segmentBytes)
    {
        var backing = new SimulatedBacking(sparse: false);
        return (backing, new RegionAllocator(backing, new CommitBudget(), segmentBytes));
    }

    private static nint Take(RegionAllocator allocator, long bytes)
    {
        var address = allocator.Allocate(bytes, out _);
        Assert.NotEqual(0, address);
        return address;
    }
}
