using System.Runtime.InteropServices;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Memory;

public sealed class DeviceMemoryTests
{
    private const long Page = 4096;

    private readonly SimulatedBacking backing = new(sparse: true);
    private readonly DeviceMemory memory;

    public DeviceMemoryTests() => memory = new DeviceMemory(backing, 10_000 * Page);

    private delegate nint Allocate(nint self, nuint bytes);

    private delegate void Free(nint self, nint address);

    [Fact]
    public void Weights_and_activations_are_counted_and_kept_apart()
    {
        nint weight;
        using (memory.LoadWeights())
        {
            weight = memory.Allocate(3 * (nuint)Page);
        }

        var activation = memory.Allocate(1000);

        Assert.Equal(new DeviceMemoryUse(3 * Page, 1024, 4 * Page), memory.Use);
        Assert.True(Math.Abs(weight - activation) >= 10_000 * Page, "They lie in one region.");
        memory.Free(weight);
        memory.Free(activation);
        Assert.Equal(0, memory.Use.LiveBytes);
        Assert.Equal(0, memory.Faults);
    }

    [Fact]
    public void A_phases_peak_is_what_was_in_use_at_most_while_it_lasted()
    {
        var kept = memory.Allocate(512);
        memory.BeginPhase(GenerationPhase.Denoising);
        memory.Free(memory.Allocate(10 * (nuint)Page));
        memory.Free(memory.Allocate(2 * (nuint)Page));
        memory.BeginPhase(GenerationPhase.Decoding);
        memory.Free(memory.Allocate((nuint)Page));
        memory.Free(kept);

        Assert.Equal((10 * Page) + 512, memory.PhasePeaks[GenerationPhase.Denoising].LiveBytes);
        Assert.Equal(11 * Page, memory.PhasePeaks[GenerationPhase.Denoising].CommittedBytes);
        Assert.Equal(Page + 512, memory.PhasePeaks[GenerationPhase.Decoding].LiveBytes);

        memory.ResetPeaks();
        Assert.Equal(0, Assert.Single(memory.PhasePeaks).Value.LiveBytes);
    }

    [Fact]
    public void A_refusal_is_remembered_once_and_harms_nothing()
    {
        memory.BudgetBytes = 4 * Page;
        var first = memory.Allocate(3 * (nuint)Page);

        Assert.Equal(0, memory.Allocate(2 * (nuint)Page));

        Assert.Equal(new DeviceMemoryRefusal(2 * Page, new DeviceMemoryUse(0, 3 * Page, 3 * Page), 4 * Page), memory.TakeRefusal());
        Assert.Null(memory.TakeRefusal());
        Assert.True(backing.IsUsable(first, 3 * Page));
        Assert.NotEqual(0, memory.Allocate((nuint)Page));
        Assert.Null(memory.TakeRefusal());
    }

    [Fact]
    public void A_full_device_is_told_from_a_full_budget()
    {
        var small = new DeviceMemory(new SimulatedBacking(sparse: true, capacity: 2 * Page), 100 * Page);

        Assert.Equal(0, small.Allocate(3 * (nuint)Page));

        Assert.Null(small.TakeRefusal()!.BudgetBytes);
    }

    [Fact]
    public void Memory_behind_free_addresses_is_used_before_anything_is_refused_once_the_device_is_idle()
    {
        memory.BudgetBytes = 8 * Page;
        nint weight;
        using (memory.LoadWeights())
        {
            weight = memory.Allocate(4 * (nuint)Page);
        }

        var low = memory.Allocate(3 * (nuint)Page);
        var wall = memory.Allocate((nuint)Page);
        memory.Free(low);
        memory.Free(weight);

        // Seven pages: none of the holes is as large, and only one page was never taken.
        var large = memory.Allocate(7 * (nuint)Page);

        Assert.NotEqual(0, large);
        Assert.Equal(1, backing.Synchronizations);
        Assert.True(backing.IsUsable(large, 7 * Page) && backing.IsUsable(wall, Page));
        Assert.Equal(8 * Page, backing.CommittedBytes);
        Assert.Null(memory.TakeRefusal());
    }

    [Fact]
    public void A_trim_waits_for_the_device_and_gives_idle_pages_back()
    {
        var block = memory.Allocate(5 * (nuint)Page);
        memory.Free(block);
        Assert.Equal(5 * Page, memory.Use.CommittedBytes);

        Assert.Equal(5 * Page, memory.Trim());

        Assert.Equal(1, backing.Synchronizations);
        Assert.Equal(0, memory.Use.CommittedBytes);
    }

    [Fact]
    public void Addresses_given_back_twice_or_never_given_out_are_counted_and_harm_nothing()
    {
        var block = memory.Allocate(100);
        memory.Free(block);

        memory.Free(block);
        memory.Free(4711);
        memory.Free(0);

        Assert.Equal(2, memory.Faults);
        Assert.Equal(0, memory.Use.LiveBytes);
        Assert.NotEqual(0, memory.Allocate(100));
    }

    [Fact]
    public async Task Threads_may_ask_and_give_back_at_the_same_time()
    {
        var owners = new System.Collections.Concurrent.ConcurrentDictionary<nint, int>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            var random = new Random(thread);
            var mine = new Queue<nint>();
            for (var round = 0; round < 5000; round++)
            {
                var address = memory.Allocate((nuint)random.Next(1, 20_000));
                Assert.True(owners.TryAdd(address, thread), "Two threads got one block.");
                mine.Enqueue(address);
                while (mine.Count > random.Next(1, 30))
                {
                    var gone = mine.Dequeue();
                    Assert.True(owners.TryRemove(gone, out _));
                    memory.Free(gone);
                }
            }

            foreach (var address in mine)
            {
                owners.TryRemove(address, out _);
                memory.Free(address);
            }
        })));

        Assert.Equal(0, memory.Use.LiveBytes);
        Assert.Equal(0, memory.Faults);
        memory.Trim();
        Assert.Equal(0, backing.CommittedBytes);
    }

    [Fact]
    public void The_runtime_reaches_the_process_s_memory_through_plain_functions()
    {
        using var installed = DeviceMemory.Install(memory);
        var (allocate, free) = Callbacks();

        nint weight;
        using (memory.LoadWeights())
        {
            weight = allocate(0, (nuint)Page);
        }

        var activation = allocate(0, 100);
        Assert.Equal(new DeviceMemoryUse(Page, 512, 2 * Page), memory.Use);

        free(0, activation);
        free(0, weight);
        Assert.Equal(new DeviceMemoryUse(0, 0, 2 * Page), memory.Use);
        Assert.Equal(0, allocate(0, 0));
    }

    [Fact]
    public void What_is_refused_gets_addresses_without_memory_of_their_own_and_ends_the_run()
    {
        using var installed = DeviceMemory.Install(memory);
        var (allocate, free) = Callbacks();
        using var run = new RunOptions();
        memory.BudgetBytes = 2 * Page;
        using (memory.EndOnRefusal(run))
        {
            var kept = allocate(0, (nuint)Page);
            Assert.False(run.Terminate);

            var refused = allocate(0, 10 * (nuint)Page);

            Assert.Equal([KeyValuePair.Create(refused, 10 * Page)], backing.StandIns);
            Assert.True(run.Terminate);
            Assert.Equal(new DeviceMemoryUse(0, Page, Page), memory.Use);
            free(0, refused);
            free(0, kept);
        }

        Assert.Empty(backing.StandIns);
        Assert.Equal(10 * Page, memory.TakeRefusal()?.RequestedBytes);
        Assert.Equal(0, memory.Faults);
        Assert.NotEqual(0, allocate(0, (nuint)Page));
    }

    [Fact]
    public void What_goes_wrong_inside_a_function_of_the_runtime_is_a_refusal_and_not_the_end_of_the_process()
    {
        using var installed = DeviceMemory.Install(memory);
        var (allocate, free) = Callbacks();
        backing.Failure = new InvalidOperationException("The driver is gone.");

        Assert.Equal(0, allocate(0, 100));
        free(0, 4711);

        Assert.Equal(2, memory.Faults);
        backing.Failure = null;
        Assert.NotEqual(0, allocate(0, 100));
    }

    [Fact]
    public void Without_a_device_the_functions_give_nothing()
    {
        var (allocate, free) = Callbacks();
        Assert.Null(DeviceMemory.Current);

        Assert.Equal(0, allocate(0, 100));
        free(0, 100);
    }

    private static (Allocate Allocate, Free Free) Callbacks()
    {
        var (allocate, free) = DeviceMemoryCallbacks.Addresses;
        return (Marshal.GetDelegateForFunctionPointer<Allocate>(allocate), Marshal.GetDelegateForFunctionPointer<Free>(free));
    }
}
