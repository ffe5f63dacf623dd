using I2V.Inference.Native;

namespace I2V.Tests.Inference.Memory;

/// <summary>
/// A device whose pages have content and lie behind several addresses at once. Copies to it are done as late as they may be,
/// when computing waits for them.
/// </summary>
internal sealed class SimulatedSlots(long capacity = long.MaxValue, long pageBytes = 4096) : SimulatedBacking(sparse: true, capacity, pageBytes), ISlotBacking
{
    private readonly Dictionary<nint, byte[]> pages = [];
    private readonly Dictionary<long, nint> mapped = [];
    private readonly Dictionary<nint, byte[]> host = [];
    private nint nextHandle = 1;

    public int PageCount => pages.Count;

    public int HostBlocks => host.Count;

    /// <summary>Bytes of the processor's memory that can be kept in place.</summary>
    public long HostCapacity { get; set; } = long.MaxValue;

    public SimulatedUploads? Uploads { get; private set; }

    public nint CreatePage()
    {
        if (PageBytes > CapacityLeft)
        {
            return 0;
        }

        pages.Add(nextHandle, new byte[PageBytes]);
        CommittedBytes += PageBytes;
        return nextHandle++;
    }

    public bool DestroyPage(nint page)
    {
        if (IsLost)
        {
            return false;
        }

        Assert.DoesNotContain(page, mapped.Values);
        Assert.True(pages.Remove(page), "Gave a page back that there is not.");
        CommittedBytes -= PageBytes;
        return true;
    }

    public bool MapPage(nint address, nint page)
    {
        Require(address, PageBytes);
        Assert.True(pages.ContainsKey(page), "Mapped a page that there is not.");
        Assert.True(mapped.TryAdd(address, page), "Mapped a page where one is.");
        return true;
    }

    public override bool Decommit(nint address, long bytes)
    {
        if (IsLost || !mapped.ContainsKey(address))
        {
            return base.Decommit(address, bytes);
        }

        Require(address, bytes);
        foreach (var page in Pages(address, bytes))
        {
            Assert.True(mapped.Remove(page), "Took a mapping away that there is not.");
        }

        return true;
    }

    public nint AllocateHost(long bytes)
    {
        if (bytes > HostCapacity - host.Values.Sum(block => (long)block.Length))
        {
            return 0;
        }

        host.Add(nextHandle, new byte[bytes]);
        return nextHandle++;
    }

    public void FreeHost(nint address, long bytes)
    {
        Assert.True(host.Remove(address, out var block), "Gave memory of the processor back that there is not.");
        Assert.Equal(bytes, block.Length);
    }

    public bool CopyToHost(nint host, nint device, long bytes)
    {
        Read(device, (int)bytes).CopyTo(this.host[host], 0);
        return !IsLost;
    }

    public IUploads OpenUploads() => Uploads = new SimulatedUploads(this);

    public override void Synchronize()
    {
        base.Synchronize();
        Uploads?.Settle();
    }

    public byte[] HostBlock(nint address) => host[address];

    public byte[] Read(nint address, int bytes)
    {
        var content = new byte[bytes];
        for (var i = 0; i < bytes; i++)
        {
            content[i] = At(address + i, out var offset)[offset];
        }

        return content;
    }

    public void Write(nint address, ReadOnlySpan<byte> content)
    {
        for (var i = 0; i < content.Length; i++)
        {
            At(address + i, out var offset)[offset] = content[i];
        }
    }

    private byte[] At(nint address, out int offset)
    {
        offset = (int)(address % PageBytes);
        return pages[mapped[address - offset]];
    }
}

/// <summary>
/// Copies that are done when computing is made to wait for them. Computing itself goes on at once, and what the queues do not
/// order is refused: a copy into a slot that may still be read.
/// </summary>
internal sealed class SimulatedUploads(SimulatedSlots device) : IUploads
{
    private readonly List<(int Slot, nint Device, nint Host, long Bytes)> asked = [];
    private readonly HashSet<int> read = [];
    private readonly HashSet<int> vacated = [];

    public int Started { get; private set; }

    public bool IsDisposed { get; private set; }

    public bool HoldCopies(int slot)
    {
        if (vacated.Remove(slot))
        {
            read.Remove(slot);
        }

        return !device.IsLost;
    }

    public bool Start(int slot, nint to, nint host, long bytes)
    {
        if (device.IsLost)
        {
            return false;
        }

        Assert.DoesNotContain(slot, read);
        Assert.DoesNotContain(asked, copy => copy.Slot == slot);
        asked.Add((slot, to, host, bytes));
        Started++;
        return true;
    }

    public bool HoldComputing(int slot)
    {
        while (asked.Exists(copy => copy.Slot == slot))
        {
            Do(asked[0]);
            asked.RemoveAt(0);
        }

        read.Add(slot);
        return !device.IsLost;
    }

    public bool Vacate(int slot)
    {
        vacated.Add(slot);
        return !device.IsLost;
    }

    public bool Finish() => !device.IsLost;

    /// <summary>The whole device was waited for.</summary>
    public void Settle()
    {
        asked.ForEach(Do);
        asked.Clear();
        read.Clear();
        vacated.Clear();
    }

    public int Mark(bool isCopies) => 0;

    public double MillisecondsAt(int mark) => 0;

    public void ClearMarks() => Started = 0;

    public void Dispose()
    {
        Assert.Empty(asked);
        Assert.False(IsDisposed);
        IsDisposed = true;
    }

    private void Do((int Slot, nint Device, nint Host, long Bytes) copy) =>
        device.Write(copy.Device, device.HostBlock(copy.Host).AsSpan(0, (int)copy.Bytes));
}
