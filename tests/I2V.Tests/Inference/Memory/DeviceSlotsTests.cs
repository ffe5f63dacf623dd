using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Memory;

public sealed class DeviceSlotsTests
{
    private const int Page = 4096;

    private static readonly int[] Sizes = [700, (3 * Page) + 5, 2 * Page, 40, Page + 1];

    private readonly SimulatedSlots backing = new();
    private readonly DeviceMemory memory;

    public DeviceSlotsTests() => memory = new DeviceMemory(backing, 1000 * Page);

    [Fact]
    public void Every_unit_finds_its_own_weights_at_its_own_addresses_whenever_it_is_brought()
    {
        using var slots = memory.OpenSlots()!;
        var units = new SlotUnits(memory, slots, backing, Sizes);
        var schedule = new StreamSchedule(units);

        for (var round = 0; round < 3; round++)
        {
            schedule.Run(units.Check, TestContext.Current.CancellationToken);
        }

        Assert.Equal(3 * Sizes.Length, units.Checked);
    }

    [Fact]
    public void Two_units_are_brought_once_and_one_never_moves()
    {
        foreach (var count in (int[])[1, 2])
        {
            using var slots = memory.OpenSlots()!;
            var units = new SlotUnits(memory, slots, backing, Sizes[..count]);
            var schedule = new StreamSchedule(units);
            for (var round = 0; round < 3; round++)
            {
                schedule.Run(units.Check, TestContext.Current.CancellationToken);
            }

            Assert.Equal(count, backing.Uploads!.Started);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    public void After_a_failure_in_any_unit_the_next_run_finds_all_weights_again(int failing)
    {
        using var slots = memory.OpenSlots()!;
        var units = new SlotUnits(memory, slots, backing, Sizes);
        var schedule = new StreamSchedule(units);

        Assert.Throws<TimeoutException>(() => schedule.Run(unit => units.Check(unit != failing ? unit : throw new TimeoutException()), TestContext.Current.CancellationToken));

        schedule.Run(units.Check, TestContext.Current.CancellationToken);
        Assert.Equal(failing + Sizes.Length, units.Checked);
    }

    [Fact]
    public void The_device_holds_the_largest_unit_of_each_slot_and_the_processor_holds_all()
    {
        using (var slots = memory.OpenSlots()!)
        {
            _ = new SlotUnits(memory, slots, backing, Sizes);

            // Even units: at most two pages; odd ones: four.
            Assert.Equal(6 * Page, slots.CommittedBytes);
            Assert.Equal(new DeviceMemoryUse(6 * Page, 0, 6 * Page), memory.Use);
            Assert.Equal(6 * Page, backing.CommittedBytes);
            var rounded = Sizes.Sum(size => (size + 511L) / 512 * 512);
            Assert.Equal((rounded, rounded), (slots.PinnedBytes, memory.PinnedBytes));
            Assert.Equal(6 * Page, Assert.Single(memory.PhasePeaks).Value.CommittedBytes);
        }

        AssertNothingIsLeft();
    }

    [Fact]
    public void A_trim_leaves_slots_alone_and_what_lies_idle_makes_room_for_them()
    {
        memory.BudgetBytes = 5 * Page;
        memory.Free(memory.Allocate(5 * Page));
        using var slots = memory.OpenSlots()!;

        var units = new SlotUnits(memory, slots, backing, [2 * Page, 3 * Page, Page]);

        Assert.Null(memory.TakeRefusal());
        Assert.Equal(0, memory.Trim());
        new StreamSchedule(units).Run(units.Check, TestContext.Current.CancellationToken);
        Assert.Equal(5 * Page, memory.Use.CommittedBytes);
    }

    [Fact]
    public void What_is_given_back_while_a_unit_loads_stays_a_hole()
    {
        using var slots = memory.OpenSlots()!;
        var range = slots.Reserve(0, Page)!;
        using (slots.LoadInto(range))
        {
            var first = memory.Allocate(100);
            var second = memory.Allocate(600);
            memory.Free(first);
            var third = memory.Allocate(100);

            Assert.Equal([range.Address, range.Address + 512, range.Address + 1536], new[] { first, second, third });
            memory.Free(second);
            memory.Free(third);
        }

        Assert.Equal((2048, 0), (range.UsedBytes, memory.Faults));
        memory.Free(range.Address);
        Assert.Equal(1, memory.Faults);
    }

    [Fact]
    public async Task Only_the_thread_that_loads_a_unit_is_given_its_addresses()
    {
        using var slots = memory.OpenSlots()!;
        var range = slots.Reserve(0, Page)!;
        var (allocated, asked) = (new TaskCompletionSource(), new TaskCompletionSource());
        var loading = Task.Factory.StartNew(
            () =>
            {
                using var scope = slots.LoadInto(range);
                memory.Allocate(100);
                allocated.SetResult();
                asked.Task.GetAwaiter().GetResult();
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await Task.WhenAny(loading, allocated.Task);

        var elsewhere = memory.Allocate(100);
        asked.SetResult();
        await loading;

        Assert.Equal((512, 512), (range.UsedBytes, memory.Use.ActivationBytes));
        var after = memory.Allocate(100);
        Assert.Equal((512, 1024), (range.UsedBytes, memory.Use.ActivationBytes));
        memory.Free(elsewhere);
        memory.Free(after);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_unit_that_has_no_room_is_refused_and_everything_comes_back(bool isBudget)
    {
        var small = new SimulatedSlots(isBudget ? long.MaxValue : 3 * Page);
        var full = new DeviceMemory(small, 1000 * Page) { BudgetBytes = isBudget ? 3 * Page : long.MaxValue };
        using (var slots = full.OpenSlots()!)
        {
            var first = slots.Reserve(0, Page)!;
            using (slots.LoadInto(first))
            {
                Assert.NotEqual(0, full.Allocate(2 * Page));
            }

            var second = slots.Reserve(1, Page)!;
            using (slots.LoadInto(second))
            {
                Assert.NotEqual(0, full.Allocate(Page / 2));
                Assert.Equal(0, full.Allocate(Page));
            }

            Assert.Equal(isBudget ? 3 * Page : null, full.TakeRefusal()!.BudgetBytes);
        }

        Assert.Equal((0, 0, 0), (small.CommittedBytes, small.PageCount, small.Reservations));
        Assert.Equal(new DeviceMemoryUse(0, 0, 0), full.Use);
    }

    [Fact]
    public void Without_memory_of_the_processor_nothing_is_saved_and_everything_comes_back()
    {
        using (var slots = memory.OpenSlots()!)
        {
            backing.HostCapacity = 1024;
            var range = slots.Reserve(0, Page)!;
            using (slots.LoadInto(range))
            {
                memory.Free(memory.Allocate(2000));
            }

            Assert.False(slots.TrySave(range));
            Assert.Equal(0, slots.PinnedBytes);
        }

        AssertNothingIsLeft();
    }

    [Fact]
    public void A_lost_device_is_told_and_what_it_does_not_take_back_stays_on_the_books()
    {
        var slots = memory.OpenSlots()!;
        var units = new SlotUnits(memory, slots, backing, Sizes);
        backing.IsLost = true;

        Assert.Throws<DeviceSlotException>(() => units.Begin(0));
        Assert.Throws<DeviceSlotException>(() => units.Wait(0));
        Assert.Throws<DeviceSlotException>(() => units.Ran(0));
        Assert.Throws<DeviceSlotException>(units.Finish);
        slots.Dispose();

        Assert.Equal(6 * Page, memory.Use.CommittedBytes);
        Assert.Equal((0, 0), (backing.HostBlocks, memory.PinnedBytes));
    }

    [Fact]
    public void Memory_that_has_one_address_each_has_no_slots() =>
        Assert.Null(new DeviceMemory(new SimulatedBacking(sparse: false), Page).OpenSlots());

    private void AssertNothingIsLeft()
    {
        Assert.Equal(new DeviceMemoryUse(0, 0, 0), memory.Use);
        Assert.Equal((0, 0, 0, 0), (backing.CommittedBytes, backing.PageCount, backing.Reservations, backing.HostBlocks));
        Assert.Equal((0, 0), (memory.PinnedBytes, memory.Faults));
        Assert.True(backing.Uploads!.IsDisposed);
    }

    /// <summary>Units whose weights are numbers of their own.</summary>
    private sealed class SlotUnits : IUnitWeights
    {
        private readonly DeviceSlots slots;
        private readonly SimulatedSlots backing;
        private readonly List<SlotRange> ranges = [];
        private readonly List<byte[]> contents = [];

        public SlotUnits(DeviceMemory memory, DeviceSlots slots, SimulatedSlots backing, IReadOnlyList<int> sizes)
        {
            (this.slots, this.backing) = (slots, backing);
            foreach (var size in sizes)
            {
                var range = slots.Reserve(ranges.Count % 2, size)!;
                var content = new byte[size];
                new Random(ranges.Count).NextBytes(content);
                using (slots.LoadInto(range))
                {
                    backing.Write(memory.Allocate((nuint)size), content);
                }

                Assert.True(slots.TrySave(range));
                ranges.Add(range);
                contents.Add(content);
            }
        }

        public int Count => ranges.Count;

        public int Checked { get; private set; }

        public void Begin(int unit)
        {
            slots.AwaitFree(ranges[unit].Slot);
            slots.Begin(ranges[unit]);
        }

        public void Wait(int unit) => slots.Wait(ranges[unit].Slot);

        public void Ran(int unit) => slots.Vacate(ranges[unit].Slot);

        public void Finish() => slots.Finish();

        public void Drop(int unit)
        {
        }

        public void Settle() => slots.Settle();

        public void Check(int unit)
        {
            Assert.Equal(contents[unit], backing.Read(ranges[unit].Address, contents[unit].Length));
            Checked++;
        }
    }
}
