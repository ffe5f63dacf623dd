namespace I2V.Inference.Native;

/// <summary>Why an allocation was refused.</summary>
internal enum AllocationRefusal
{
    None = 0,
    OverBudget = 1,
    DeviceFull = 2,
}

/// <summary>
/// Best-fit allocation with coalescing over ranges of a device's addresses. With a sparse backing there is one range, far
/// larger than the device, whose pages get memory when a block first covers them: what is fragmented is addresses, of which
/// there are plenty. Otherwise ranges are taken from the driver as they are needed. Not thread-safe.
/// </summary>
/// <param name="backing">Addresses and memory.</param>
/// <param name="budget">Shared by the allocators of a device.</param>
/// <param name="segmentBytes">The least that is reserved at once, in bytes.</param>
internal sealed class RegionAllocator(IDeviceBacking backing, CommitBudget budget, long segmentBytes)
{
    /// <summary>Every block begins on a multiple of this and is as long: what vector loads and copies of the device want.</summary>
    public const int Alignment = 512;

    private readonly List<Segment> segments = [];
    private readonly Dictionary<nint, Block> live = [];
    private readonly SortedSet<Block> free = new(Block.BySize);

    /// <summary>Bytes given out, each block rounded up to <see cref="Alignment"/>.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>Bytes of the device's memory behind the addresses, in whole pages.</summary>
    public long CommittedBytes { get; private set; }

    public bool Owns(nint address) => live.ContainsKey(address);

    /// <returns>The block's address; 0 when refused.</returns>
    public nint Allocate(long bytes, out AllocationRefusal refusal)
    {
        if (bytes > long.MaxValue / 4)
        {
            refusal = AllocationRefusal.DeviceFull;
            return 0;
        }

        var size = RoundUp(Math.Max(bytes, 1), Alignment);
        refusal = AllocationRefusal.None;
        var block = BestFit(size) ?? AddSegment(size, ref refusal);
        if (block is null || !Commit(block, size, ref refusal))
        {
            return 0;
        }

        Take(block, size);
        return block.Address;
    }

    /// <summary>False when no block of this allocator begins there.</summary>
    public bool TryFree(nint address)
    {
        if (!live.Remove(address, out var block))
        {
            return false;
        }

        LiveBytes -= block.Bytes;
        block.IsFree = true;
        if (block.Next is { IsFree: true } next)
        {
            free.Remove(next);
            Merge(block, next);
        }

        if (block.Previous is { IsFree: true } previous)
        {
            free.Remove(previous);
            Merge(previous, block);
            block = previous;
        }

        free.Add(block);
        return true;
    }

    /// <summary>True when <see cref="Trim"/> would give something back.</summary>
    public bool HasIdleMemory => backing.Sparse
        ? free.Any(block => IdlePages(block) is { Count: > 0 } pages && Enumerable.Range(pages.First, pages.Count).Any(page => block.Segment.Committed[page]))
        : segments.Any(segment => segment.First is { IsFree: true, Next: null });

    /// <summary>Gives memory behind free blocks back to the driver, the highest addresses first. The device must be idle.</summary>
    /// <param name="atMost">Stops when so many bytes, or the page that brings it over, are given back.</param>
    /// <returns>Bytes given back.</returns>
    public long Trim(long atMost = long.MaxValue)
    {
        long given = 0;
        if (backing.Sparse)
        {
            foreach (var block in free.OrderByDescending(block => block.Address))
            {
                var pages = IdlePages(block);
                for (var page = pages.First + pages.Count - 1; page >= pages.First && given < atMost; page--)
                {
                    given += Decommit(block.Segment, page);
                }
            }
        }
        else
        {
            foreach (var segment in segments.Where(segment => segment.First is { IsFree: true, Next: null }).ToList())
            {
                given += given < atMost ? Remove(segment) : 0;
            }
        }

        CommittedBytes -= given;
        budget.Return(given);
        return given;
    }

    private static long RoundUp(long bytes, long unit) => (bytes + unit - 1) / unit * unit;

    private Block? BestFit(long size) => free.GetViewBetween(Block.Key(size, 0), Block.Key(long.MaxValue, nint.MaxValue)).Min;

    private Block? AddSegment(long size, ref AllocationRefusal refusal)
    {
        var exact = RoundUp(size, backing.PageBytes);
        return TryAddSegment(Math.Max(exact, RoundUp(segmentBytes, backing.PageBytes)), ref refusal) ?? TryAddSegment(exact, ref refusal);
    }

    private Block? TryAddSegment(long bytes, ref AllocationRefusal refusal)
    {
        if (!backing.Sparse && !budget.TryTake(bytes))
        {
            refusal = AllocationRefusal.OverBudget;
            return null;
        }

        var address = backing.Reserve(bytes);
        if (address == 0)
        {
            budget.Return(backing.Sparse ? 0 : bytes);
            refusal = AllocationRefusal.DeviceFull;
            return null;
        }

        CommittedBytes += backing.Sparse ? 0 : bytes;
        refusal = AllocationRefusal.None;
        var segment = new Segment(address, bytes, new bool[backing.Sparse ? bytes / backing.PageBytes : 0]);
        segment.First = new Block(segment, address, bytes) { IsFree = true };
        segments.Add(segment);
        free.Add(segment.First);
        return segment.First;
    }

    private long Remove(Segment segment)
    {
        if (!backing.Release(segment.Address, segment.Bytes))
        {
            return 0;
        }

        free.Remove(segment.First);
        segments.Remove(segment);
        return segment.Bytes;
    }

    /// <summary>Puts memory behind the block's first bytes, run by run of pages that have none.</summary>
    private bool Commit(Block block, long size, ref AllocationRefusal refusal)
    {
        if (!backing.Sparse)
        {
            return true;
        }

        var (segment, page) = (block.Segment, backing.PageBytes);
        var end = (int)((block.Address - segment.Address + size + page - 1) / page);
        for (var first = (int)((block.Address - segment.Address) / page); first < end; first++)
        {
            var count = 0;
            while (first + count < end && !segment.Committed[first + count])
            {
                count++;
            }

            if (count > 0 && !CommitRun(segment, first, count, ref refusal))
            {
                return false; // what earlier runs got stays behind free addresses, where the next block or trim finds it
            }

            first += count;
        }

        return true;
    }

    private bool CommitRun(Segment segment, int first, int count, ref AllocationRefusal refusal)
    {
        var bytes = count * backing.PageBytes;
        if (!budget.TryTake(bytes))
        {
            refusal = AllocationRefusal.OverBudget;
            return false;
        }

        if (!backing.Commit(segment.Address + (nint)(first * backing.PageBytes), bytes))
        {
            budget.Return(bytes);
            refusal = AllocationRefusal.DeviceFull;
            return false;
        }

        Array.Fill(segment.Committed, true, first, count);
        segment.CommittedEnd = Math.Max(segment.CommittedEnd, first + count);
        CommittedBytes += bytes;
        return true;
    }

    private long Decommit(Segment segment, int page)
    {
        if (!segment.Committed[page] || !backing.Decommit(segment.Address + (nint)(page * backing.PageBytes), backing.PageBytes))
        {
            return 0;
        }

        segment.Committed[page] = false;
        return backing.PageBytes;
    }

    private void Take(Block block, long size)
    {
        free.Remove(block);
        if (block.Bytes > size)
        {
            var rest = new Block(block.Segment, block.Address + (nint)size, block.Bytes - size) { IsFree = true, Previous = block, Next = block.Next };
            if (block.Next is { } next)
            {
                next.Previous = rest;
            }

            block.Next = rest;
            block.Bytes = size;
            free.Add(rest);
        }

        block.IsFree = false;
        live[block.Address] = block;
        LiveBytes += size;
    }

    private static void Merge(Block left, Block right)
    {
        left.Bytes += right.Bytes;
        left.Next = right.Next;
        if (right.Next is { } next)
        {
            next.Previous = left;
        }
    }

    /// <summary>The pages that lie wholly inside a free block and may have memory.</summary>
    private (int First, int Count) IdlePages(Block block)
    {
        var offset = block.Address - block.Segment.Address;
        var first = (int)((offset + backing.PageBytes - 1) / backing.PageBytes);
        var end = (int)Math.Min((offset + block.Bytes) / backing.PageBytes, block.Segment.CommittedEnd);
        return (first, Math.Max(0, end - first));
    }

    private sealed class Segment(nint address, long bytes, bool[] committed)
    {
        public nint Address { get; } = address;

        public long Bytes { get; } = bytes;

        /// <summary>For each page whether it has memory; empty when the whole segment is memory.</summary>
        public bool[] Committed { get; } = committed;

        /// <summary>No page from here on has memory.</summary>
        public int CommittedEnd { get; set; }

        public Block First { get; set; } = null!;
    }

    private sealed class Block(Segment segment, nint address, long bytes)
    {
        public static Comparer<Block> BySize { get; } = Comparer<Block>.Create(
            (a, b) => a.Bytes != b.Bytes ? a.Bytes.CompareTo(b.Bytes) : a.Address.CompareTo(b.Address));

        public Segment Segment { get; } = segment;

        public nint Address { get; } = address;

        public long Bytes { get; set; } = bytes;

        public bool IsFree { get; set; }

        public Block? Previous { get; set; }

        public Block? Next { get; set; }

        /// <summary>Stands for a size and an address in comparisons.</summary>
        public static Block Key(long bytes, nint address) => new(null!, address, bytes);
    }
}
