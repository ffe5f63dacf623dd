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
