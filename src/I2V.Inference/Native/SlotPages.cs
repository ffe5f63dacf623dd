namespace I2V.Inference.Native;

/// <summary>Addresses of one unit's weights, behind which lies the memory of a slot.</summary>
internal sealed class SlotRange(int slot, nint address, long bytes)
{
    public int Slot { get; } = slot;

    public nint Address { get; } = address;

    /// <summary>Of the addresses; memory lies behind the first <see cref="MappedBytes"/> only.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>Whole pages.</summary>
    public long MappedBytes { get; set; }

    /// <summary>What the unit's weights take, from the first address on.</summary>
    public long UsedBytes { get; set; }

    /// <summary>Where the processor keeps them; 0 when it does not.</summary>
    public nint Host { get; set; }
}

/// <summary>
/// Two slots of a device's memory, each of which lies behind the addresses of many units at once. A unit's weights are laid
/// one behind the other from its first address on and never move: what is given back while the unit loads stays a hole, since
/// the same bytes come to the same addresses every time that the unit is brought. A slot has as many pages as its largest
/// unit needs, and each page counts once. Not thread-safe.
/// </summary>
/// <param name="backing">Addresses and memory.</param>
/// <param name="budget">Shared by the allocators of a device.</param>
internal sealed class SlotPages(ISlotBacking backing, CommitBudget budget)
{
    /// <summary>One that is computed from, and one that is filled meanwhile.</summary>
    public const int Slots = 2;

    private readonly List<nint>[] pages = [[], []];
    private readonly List<SlotRange> ranges = [];
    private readonly HashSet<nint> blocks = [];

    /// <summary>Bytes of the device's memory in both slots.</summary>
    public long CommittedBytes => (pages[0].Count + pages[1].Count) * backing.PageBytes;

    /// <summary>Blocks that sessions hold.</summary>
    public int LiveBlocks => blocks.Count;

    /// <returns>Addresses, behind which memory is put as it is needed; null when refused.</returns>
    public SlotRange? Reserve(int slot, long bytes)
    {
        var whole = (bytes + backing.PageBytes - 1) / backing.PageBytes * backing.PageBytes;
        var address = backing.Reserve(whole);
        if (address == 0)
        {
            return null;
        }

        var range = new SlotRange(slot, address, whole);
        ranges.Add(range);
        return range;
    }

    /// <summary>The next bytes of a range.</summary>
    /// <returns>Their address; 0 when refused.</returns>
    public nint Allocate(SlotRange range, long bytes, out AllocationRefusal refusal)
    {
        refusal = AllocationRefusal.DeviceFull;
        if (bytes > range.Bytes - range.UsedBytes)
        {
            return 0;
        }

        var unit = (long)RegionAllocator.Alignment;
        var end = range.UsedBytes + ((Math.Max(bytes, 1) + unit - 1) / unit * unit);
        while (range.MappedBytes < end)
        {
            if (!MapNext(range, ref refusal))
            {
                return 0; // pages that it got stay behind it, for the next block
            }
        }

        var address = range.Address + (nint)range.UsedBytes;
        range.UsedBytes = end;
        blocks.Add(address);
        refusal = AllocationRefusal.None;
        return address;
    }

    /// <summary>False when no block of these slots begins there. The place is not given out again.</summary>
    public bool TryFree(nint address) => blocks.Remove(address);

    /// <summary>Gives all pages and addresses back. The device must be idle, and the units' sessions gone.</summary>
    public void Release()
    {
        foreach (var range in ranges)
        {
            if (range.MappedBytes == 0 || backing.Decommit(range.Address, range.MappedBytes))
            {
                backing.Release(range.Address, range.Bytes);
            }
        }

        ranges.Clear();
        blocks.Clear();
        foreach (var slot in pages)
        {
            // What a lost device does not take back stays on the books.
            budget.Return(slot.RemoveAll(backing.DestroyPage) * backing.PageBytes);
        }
    }

    private bool MapNext(SlotRange range, ref AllocationRefusal refusal)
    {
        var slot = pages[range.Slot];
        var number = (int)(range.MappedBytes / backing.PageBytes);
        if (number == slot.Count && !AddPage(slot, ref refusal))
        {
            return false;
        }

        if (!backing.MapPage(range.Address + (nint)range.MappedBytes, slot[number]))
        {
            return false;
        }

        range.MappedBytes += backing.PageBytes;
        return true;
    }

    private bool AddPage(List<nint> slot, ref AllocationRefusal refusal)
    {
        if (!budget.TryTake(backing.PageBytes))
        {
            refusal = AllocationRefusal.OverBudget;
            return false;
        }

        var page = backing.CreatePage();
        if (page == 0)
        {
            budget.Return(backing.PageBytes);
            return false;
        }

        slot.Add(page);
        return true;
    }
}
