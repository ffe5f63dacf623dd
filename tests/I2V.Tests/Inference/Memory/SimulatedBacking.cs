using I2V.Inference.Native;

namespace I2V.Tests.Inference.Memory;

/// <summary>A device's memory as numbers, which notices everything that a driver would punish.</summary>
internal class SimulatedBacking(bool sparse, long capacity = long.MaxValue, long pageBytes = 4096) : IDeviceBacking
{
    private readonly SortedDictionary<long, long> reservations = [];
    private readonly HashSet<long> pages = [];
    private long nextAddress = 1L << 40;

    public long PageBytes => pageBytes;

    public bool Sparse => sparse;

    public long CommittedBytes { get; protected set; }

    public int Synchronizations { get; private set; }

    public int Reservations => reservations.Count;

    protected long CapacityLeft => capacity - CommittedBytes;

    public Exception? Failure { get; set; }

    /// <summary>True once the driver takes nothing back any more.</summary>
    public bool IsLost { get; set; }

    public nint Reserve(long bytes)
    {
        if (Failure is not null)
        {
            throw Failure;
        }

        if (!sparse && bytes > capacity - CommittedBytes)
        {
            return 0;
        }

        var address = nextAddress;
        nextAddress += bytes + pageBytes; // never adjacent, so that blocks of two reservations cannot be mistaken for neighbours
        reservations.Add(address, bytes);
        CommittedBytes += sparse ? 0 : bytes;
        return (nint)address;
    }

    public bool Release(nint address, long bytes)
    {
        if (IsLost)
        {
            return false;
        }

        Assert.True(reservations.Remove(address, out var reserved), "Released what was not reserved.");
        Assert.Equal(reserved, bytes);
        CommittedBytes -= sparse ? 0 : bytes;
        return true;
    }

    public bool Commit(nint address, long bytes)
    {
        Assert.True(sparse);
        Require(address, bytes);
        if (bytes > capacity - CommittedBytes)
        {
            return false;
        }

        foreach (var page in Pages(address, bytes))
        {
            Assert.True(pages.Add(page), "Put memory behind a page that has some.");
        }

        CommittedBytes += bytes;
        return true;
    }

    public virtual bool Decommit(nint address, long bytes)
    {
        if (IsLost)
        {
            return false;
        }

        Require(address, bytes);
        foreach (var page in Pages(address, bytes))
        {
            Assert.True(pages.Remove(page), "Took memory from a page that has none.");
        }

        CommittedBytes -= bytes;
        return true;
    }

    /// <summary>Addresses that are given out without memory of their own.</summary>
    public Dictionary<nint, long> StandIns { get; } = [];

    public nint ReserveStandIn(long bytes)
    {
        if (!sparse)
        {
            return 0;
        }

        var address = (nint)nextAddress;
        nextAddress += bytes + pageBytes;
        StandIns.Add(address, bytes);
        return address;
    }

    public void ReleaseStandIn(nint address, long bytes)
    {
        Assert.True(StandIns.Remove(address, out var reserved), "Released what was not a stand-in.");
        Assert.Equal(reserved, bytes);
    }

    public virtual void Synchronize() => Synchronizations++;

    /// <summary>True when every byte has memory behind it.</summary>
    public bool IsUsable(nint address, long bytes)
    {
        var inside = reservations.Any(range => address >= range.Key && address + bytes <= range.Key + range.Value);
        var first = address / pageBytes * pageBytes;
        return inside && (!sparse || Pages((nint)first, address + bytes - first).All(pages.Contains));
    }

    protected void Require(nint address, long bytes)
    {
        Assert.True(bytes > 0 && address % pageBytes == 0 && bytes % pageBytes == 0, $"{bytes} bytes at {address} are not whole pages.");
        Assert.Contains(reservations, range => address >= range.Key && address + bytes <= range.Key + range.Value);
    }

    protected IEnumerable<long> Pages(nint address, long bytes)
    {
        for (long at = address; at < address + bytes; at += pageBytes)
        {
            yield return at;
        }
    }
}
