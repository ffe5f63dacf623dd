namespace I2V.Inference.Native;

/// <summary>Where the allocator gets addresses and memory of a device from. Addresses are numbers here: nothing reads or writes behind them.</summary>
internal interface IDeviceBacking
{
    /// <summary>Bytes of a page: memory is put behind addresses, and taken away, in whole pages.</summary>
    long PageBytes { get; }

    /// <summary>True when a reservation is only addresses, and <see cref="Commit"/> puts memory behind them; false when it is memory at once.</summary>
    bool Sparse { get; }

    /// <summary>Reserves a range that begins on a page.</summary>
    /// <returns>Its address; 0 when refused.</returns>
    nint Reserve(long bytes);

    /// <summary>Gives a whole reservation back; of a sparse one, after all of its pages.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost; then nothing has changed.</returns>
    bool Release(nint address, long bytes);

    /// <summary>Puts memory behind whole pages that have none.</summary>
    /// <returns>False when the device has none left; then no page got any.</returns>
    bool Commit(nint address, long bytes);

    /// <summary>Takes the memory from behind whole pages. The device must not be using them: see <see cref="Synchronize"/>.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost; then nothing has changed.</returns>
    bool Decommit(nint address, long bytes);

    /// <summary>
    /// Reserves whole pages of addresses behind which lies one and the same page of memory, over and over: kernels may read
    /// and write there without harm, and what they read means nothing.
    /// </summary>
    /// <returns>The address; 0 where that cannot be done.</returns>
    nint ReserveStandIn(long bytes);

    /// <summary>Gives back what <see cref="ReserveStandIn"/> gave. The device must not be using it.</summary>
    void ReleaseStandIn(nint address, long bytes);

    /// <summary>Waits until the device has done everything that it was asked to do.</summary>
    void Synchronize();
}

/// <summary>What streaming weights needs besides: pages of memory that lie behind several addresses at once, memory of the processor that stays in place, and copies beside the computing.</summary>
internal interface ISlotBacking : IDeviceBacking
{
    /// <summary>Takes a page of memory that lies behind no address yet.</summary>
    /// <returns>The page; 0 when the device has none left.</returns>
    nint CreatePage();

    /// <summary>Gives a page back, which must lie behind no address any more.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost.</returns>
    bool DestroyPage(nint page);

    /// <summary>Puts a page behind one page of reserved addresses that has none; <see cref="IDeviceBacking.Decommit"/> takes it away again, and the page stays.</summary>
    /// <returns>False when the driver refuses; then nothing has changed.</returns>
    bool MapPage(nint address, nint page);

    /// <summary>Takes memory of the processor that the system never moves, so that the device reads it at the full speed of the bus.</summary>
    /// <returns>Its address; 0 when refused.</returns>
    nint AllocateHost(long bytes);

    /// <summary>Gives back what <see cref="AllocateHost"/> gave.</summary>
    void FreeHost(nint address, long bytes);

    /// <summary>Copies from the device and waits for it.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost.</returns>
    bool CopyToHost(nint host, nint device, long bytes);

    /// <summary>A queue of copies to the device, which go on beside what it computes.</summary>
    IUploads OpenUploads();
}

/// <summary>
/// Copies to the device, one after another, in a queue beside that of the computing. Which of both waits for the other is the
/// device's business: but for <see cref="Finish"/>, nothing here waits. For one thread at a time.
/// </summary>
internal interface IUploads : IStreamMarks, IDisposable
{
    /// <summary>Copies that are asked for from now on wait for what was computed when the slot was last vacated.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost.</returns>
    bool HoldCopies(int slot);

    /// <summary>Asks for a copy.</summary>
    /// <param name="slot">Whose last copy this is from now on.</param>
    /// <param name="device">Where to.</param>
    /// <param name="host">From where: memory that stays in place.</param>
    /// <param name="bytes">How much.</param>
    /// <returns>False when the driver refuses, as it does once the device is lost.</returns>
    bool Start(int slot, nint device, nint host, long bytes);

    /// <summary>What is asked to be computed from now on waits for a slot's last copy.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost.</returns>
    bool HoldComputing(int slot);

    /// <summary>The slot is free when everything has ended that was asked to be computed so far.</summary>
    /// <returns>False when the driver refuses, as it does once the device is lost.</returns>
    bool Vacate(int slot);

    /// <summary>Waits until everything has ended that was asked to be computed so far.</summary>
    /// <returns>False when the device reports an error.</returns>
    bool Finish();
}

/// <summary>The device's own clock.</summary>
internal interface IStreamMarks
{
    /// <summary>Notes the moment when the device has done what a queue was asked so far.</summary>
    /// <param name="isCopies">Of copies; else of the computing.</param>
    /// <returns>The moment's number.</returns>
    int Mark(bool isCopies);

    /// <summary>Milliseconds from the first mark to another; waits until the device has reached it.</summary>
    double MillisecondsAt(int mark);

    /// <summary>Forgets all moments.</summary>
    void ClearMarks();
}

/// <summary>How many bytes of the device the process's allocators may hold together, and how many they hold.</summary>
internal sealed class CommitBudget
{
    public long Limit { get; set; } = long.MaxValue;

    public long Committed { get; private set; }

    public bool TryTake(long bytes)
    {
        if (bytes > Limit - Committed)
        {
            return false;
        }

        Committed += bytes;
        return true;
    }

    public void Return(long bytes) => Committed -= bytes;
}
