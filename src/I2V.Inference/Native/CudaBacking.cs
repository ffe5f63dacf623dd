using System.Runtime.InteropServices;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Native;

/// <summary>
/// Memory of a CUDA device behind reserved addresses, page by page. Each page is a mapping of its own, since the driver
/// takes away whole mappings only.
/// </summary>
internal sealed unsafe class CudaBacking : ISlotBacking
{
    /// <summary>What is reserved at once where addresses are memory: small enough to waste little, large enough to be rare.</summary>
    private const long PlainSegmentBytes = 64L << 20;

    /// <summary>The driver takes as long for a page whatever its size, and half a page is lost at the end of each hole.</summary>
    private const int PageGranules = 4;

    private readonly CudaDriver driver;
    private readonly AllocationProperties properties;

    /// <summary>The page behind all stand-ins, taken while there is one; 0 when there was none.</summary>
    private readonly ulong standIn;
    private readonly delegate* unmanaged<ulong*, nuint, AllocationProperties*, ulong, int> create;
    private readonly delegate* unmanaged<ulong, int> release;
    private readonly delegate* unmanaged<ulong, nuint, nuint, ulong, ulong, int> map;
    private readonly delegate* unmanaged<ulong, nuint, int> unmap;
    private readonly delegate* unmanaged<ulong, nuint, AccessDescription*, nuint, int> setAccess;

    private CudaBacking(CudaDriver driver)
    {
        this.driver = driver;
        properties = new AllocationProperties { Type = AllocationProperties.Pinned, Location = new Location { Type = Location.Device, Id = driver.Device } };
        create = (delegate* unmanaged<ulong*, nuint, AllocationProperties*, ulong, int>)driver.Export("cuMemCreate");
        release = (delegate* unmanaged<ulong, int>)driver.Export("cuMemRelease");
        map = (delegate* unmanaged<ulong, nuint, nuint, ulong, ulong, int>)driver.Export("cuMemMap");
        unmap = (delegate* unmanaged<ulong, nuint, int>)driver.Export("cuMemUnmap");
        setAccess = (delegate* unmanaged<ulong, nuint, AccessDescription*, nuint, int>)driver.Export("cuMemSetAccess");

        var minimum = properties;
        nuint granularity;
        var ask = (delegate* unmanaged<nuint*, AllocationProperties*, int, int>)driver.Export("cuMemGetAllocationGranularity");
        driver.Check(ask(&granularity, &minimum, 0), "cuMemGetAllocationGranularity");
        PageBytes = PageGranules * (long)granularity;
        standIn = driver.TryEnter() ? Create() : 0;
    }

    public long PageBytes { get; }

    public bool Sparse => true;

    /// <summary>The allocator of a device: over reserved addresses where the driver can do that, else over ordinary allocations.</summary>
    /// <exception cref="GenerationException">There is no driver or no such device.</exception>
    public static DeviceMemory OpenMemory(int deviceId)
    {
        var driver = CudaDriver.Open(deviceId);
        try
        {
            // Addresses for twice the device, so that even badly fragmented ones outlast its memory.
            return driver.HasVirtualMemory
                ? new DeviceMemory(new CudaBacking(driver), 2 * driver.TotalBytes, deviceId)
                : new DeviceMemory(new CudaPlainBacking(driver), PlainSegmentBytes, deviceId);
        }
        catch (CudaException error)
        {
            throw NativeLibraryLocation.Missing($"CUDA device {deviceId} cannot be used: {error.Message}", error);
        }
    }

    public nint Reserve(long bytes)
    {
        ulong address;
        var reserve = (delegate* unmanaged<ulong*, nuint, nuint, ulong, ulong, int>)driver.Export("cuMemAddressReserve");
        return driver.TryEnter() && reserve(&address, (nuint)bytes, 0, 0, 0) == 0 ? (nint)address : 0;
    }

    public bool Release(nint address, long bytes) =>
        driver.TryEnter() && ((delegate* unmanaged<ulong, nuint, int>)driver.Export("cuMemAddressFree"))((ulong)address, (nuint)bytes) == 0;

    public bool Commit(nint address, long bytes)
    {
        long mapped = 0;
        while (driver.TryEnter() && mapped < bytes && MapNewPage((ulong)(address + mapped)))
        {
            mapped += PageBytes;
        }

        if (mapped == bytes && Allow(address, bytes))
        {
            return true;
        }

        Unmap(address, mapped);
        return false;
    }

    public bool Decommit(nint address, long bytes) => driver.TryEnter() && Unmap(address, bytes);

    public nint ReserveStandIn(long bytes)
    {
        var address = standIn == 0 ? 0 : Reserve(bytes);
        long mapped = 0;
        while (address != 0 && mapped < bytes && map((ulong)(address + mapped), (nuint)PageBytes, 0, standIn, 0) == 0)
        {
            mapped += PageBytes;
        }

        if (address != 0 && mapped == bytes && Allow(address, bytes))
        {
            return address;
        }

        Unmap(address, mapped);
        _ = address == 0 || Release(address, bytes);
        return 0;
    }

    public void ReleaseStandIn(nint address, long bytes)
    {
        driver.TryEnter();
        Unmap(address, bytes);
        Release(address, bytes);
    }

    public void Synchronize() => driver.Synchronize(); // an error that it reports belongs to the run, whose own calls see it too

    public nint CreatePage() => driver.TryEnter() ? (nint)Create() : 0;

    public bool DestroyPage(nint page) => driver.TryEnter() && release((ulong)page) == 0;

    public bool MapPage(nint address, nint page)
    {
        if (!driver.TryEnter() || map((ulong)address, (nuint)PageBytes, 0, (ulong)page, 0) != 0)
        {
            return false;
        }

        if (Allow(address, PageBytes))
        {
            return true;
        }

        Unmap(address, PageBytes);
        return false;
    }

    public nint AllocateHost(long bytes)
    {
        nint address;
        return driver.TryEnter() && ((delegate* unmanaged<nint*, nuint, uint, int>)driver.Export("cuMemHostAlloc"))(&address, (nuint)bytes, 0) == 0 ? address : 0;
    }

    public void FreeHost(nint address, long bytes)
    {
        driver.TryEnter();
        ((delegate* unmanaged<nint, int>)driver.Export("cuMemFreeHost"))(address);
    }

    public bool CopyToHost(nint host, nint device, long bytes) =>
        driver.TryEnter() && ((delegate* unmanaged<nint, ulong, nuint, int>)driver.Export("cuMemcpyDtoH_v2"))(host, (ulong)device, (nuint)bytes) == 0;

    public IUploads OpenUploads() => new CudaUploads(driver);

    private bool MapNewPage(ulong address)
    {
        if (Create() is not (> 0 and var memory))
        {
            return false;
        }

        // The mapping alone keeps the memory from here on, and taking it away frees it.
        var result = map(address, (nuint)PageBytes, 0, memory, 0);
        release(memory);
        return result == 0;
    }

    /// <returns>A page of memory without an address; 0 when there is none left.</returns>
    private ulong Create()
    {
        var wanted = properties;
        ulong memory;
        return create(&memory, (nuint)PageBytes, &wanted, 0) == 0 ? memory : 0;
    }

    private bool Allow(nint address, long bytes)
    {
        var access = new AccessDescription { Location = properties.Location, Flags = AccessDescription.ReadWrite };
        return setAccess((ulong)address, (nuint)bytes, &access, 1) == 0;
    }

    private bool Unmap(nint address, long bytes)
    {
        var all = true;
        for (long at = 0; at < bytes; at += PageBytes)
        {
            all &= unmap((ulong)(address + at), (nuint)PageBytes) == 0;
        }

        return all;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Location
    {
        public const int Device = 1;

        public int Type;
        public int Id;
    }

    /// <summary><c>CUmemAllocationProp</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct AllocationProperties
    {
        public const int Pinned = 1;

        public int Type;
        public int HandleTypes;
        public Location Location;
        public nint Metadata;
        public ulong Flags;
    }

    /// <summary><c>CUmemAccessDesc</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct AccessDescription
    {
        public const int ReadWrite = 3;

        public Location Location;
        public int Flags;
    }
}

/// <summary>Memory of a CUDA device that cannot reserve addresses apart from memory: each reservation is one allocation.</summary>
internal sealed unsafe class CudaPlainBacking(CudaDriver driver) : IDeviceBacking
{
    public long PageBytes => 2L << 20;

    public bool Sparse => false;

    public nint Reserve(long bytes)
    {
        ulong address;
        return driver.TryEnter() && ((delegate* unmanaged<ulong*, nuint, int>)driver.Export("cuMemAlloc_v2"))(&address, (nuint)bytes) == 0 ? (nint)address : 0;
    }

    public bool Release(nint address, long bytes) =>
        driver.TryEnter() && ((delegate* unmanaged<ulong, int>)driver.Export("cuMemFree_v2"))((ulong)address) == 0;

    public bool Commit(nint address, long bytes) => true;

    public bool Decommit(nint address, long bytes) => throw new NotSupportedException("Memory that came as one allocation goes as one.");

    public nint ReserveStandIn(long bytes) => 0;

    public void ReleaseStandIn(nint address, long bytes) => throw new NotSupportedException("Without reserved addresses there are no stand-ins.");

    public void Synchronize() => driver.Synchronize();
}
