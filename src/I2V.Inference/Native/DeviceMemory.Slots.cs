namespace I2V.Inference.Native;

/// <summary>Weights that take turns in the device's memory: see <see cref="DeviceSlots"/>.</summary>
public sealed partial class DeviceMemory
{
    private readonly List<SlotPages> slots = [];
    private (SlotPages Pages, SlotRange Range, int Thread)? loadingInto;
    private long pinnedBytes;

    /// <summary>Bytes of the processor's memory, kept in place, that hold weights which are streamed to the device.</summary>
    public long PinnedBytes => Interlocked.Read(ref pinnedBytes);

    /// <summary>Two slots, empty; null where one memory cannot lie behind several addresses.</summary>
    internal DeviceSlots? OpenSlots()
    {
        if (backing is not ISlotBacking pageBacking)
        {
            return null;
        }

        lock (gate)
        {
            var pages = new SlotPages(pageBacking, budget);
            var opened = new DeviceSlots(this, pageBacking, pages);
            slots.Add(pages);
            return opened;
        }
    }

    internal long SlotBytes(SlotPages pages)
    {
        lock (gate)
        {
            return pages.CommittedBytes;
        }
    }

    internal SlotRange? ReserveIn(SlotPages pages, int slot, long bytes)
    {
        lock (gate)
        {
            return pages.Reserve(slot, bytes);
        }
    }

    /// <summary>
    /// Until the result is disposed, what the calling thread asks for lies in a range. Other threads are not concerned: what
    /// they asked for must not be overwritten when the slot is.
    /// </summary>
    internal IDisposable LoadInto(SlotPages pages, SlotRange range)
    {
        lock (gate)
        {
            loadingInto = (pages, range, Environment.CurrentManagedThreadId);
        }

        return new Ending(() =>
        {
            lock (gate)
            {
                loadingInto = null;
            }
        });
    }

    internal void Close(SlotPages pages)
    {
        lock (gate)
        {
            pages.Release();
            if (pages.CommittedBytes == 0)
            {
                slots.Remove(pages);
            }
        }
    }

    internal void NotePinned(long bytes) => Interlocked.Add(ref pinnedBytes, bytes);

    private nint AllocateInSlot(long bytes, out AllocationRefusal reason, out bool isForSlot)
    {
        reason = AllocationRefusal.None;
        isForSlot = loadingInto is { } into && into.Thread == Environment.CurrentManagedThreadId;
        return isForSlot ? loadingInto!.Value.Pages.Allocate(loadingInto.Value.Range, bytes, out reason) : 0;
    }

    private bool TryFreeInSlots(nint address) => slots.Exists(pages => pages.TryFree(address));

    private long LiveSlotBytes()
    {
        long bytes = 0;
        foreach (var pages in slots)
        {
            bytes += pages.CommittedBytes;
        }

        return bytes;
    }
}
