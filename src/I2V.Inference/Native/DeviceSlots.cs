namespace I2V.Inference.Native;

/// <summary>
/// Weights of many units that share two slots of the device's memory and wait in memory of the processor for their turn.
/// For one thread at a time, under the device's turn.
/// </summary>
/// <remarks>
/// <para>Why aliases: a session binds its weights to addresses when it is loaded, and there is no way to change them
/// afterwards. So every unit keeps addresses of its own for good, and the memory behind the addresses of all even units is
/// one slot, behind those of all odd units the other. To bring a unit's weights is to write them to its own addresses; its
/// session notices nothing.</para>
/// <para>Why this is sound: CUDA calls several addresses of one memory consistent once the work that wrote through one of
/// them is complete. A unit's weights are written and read through the same addresses; what was written there through
/// another unit's addresses was complete before: a copy into a slot waits, on the device, for the end of the run of the unit
/// that the slot held, and a unit's run waits for its copy.</para>
/// <para>Why two: one is read while the other is written. A third would hide nothing more, since copies follow one another
/// on one bus anyway.</para>
/// </remarks>
internal sealed class DeviceSlots : IDisposable
{
    /// <summary>Addresses beyond twice the weights' size: those of weights that the runtime arranges anew and gives back are not used again.</summary>
    private const long SpareAddressBytes = 256L << 20;

    private const string ToDevice = "from the processor to the device";

    private readonly DeviceMemory memory;
    private readonly ISlotBacking backing;
    private readonly SlotPages pages;
    private readonly IUploads uploads;
    private readonly List<SlotRange> saved = [];

    /// <summary>Asks <see cref="DeviceMemory.OpenSlots"/>.</summary>
    internal DeviceSlots(DeviceMemory memory, ISlotBacking backing, SlotPages pages)
    {
        (this.memory, this.backing, this.pages) = (memory, backing, pages);
        uploads = backing.OpenUploads();
    }

    /// <summary>The device's clock, for copies and what happens beside them.</summary>
    public IStreamMarks Marks => uploads;

    /// <summary>Bytes of the device's memory in both slots.</summary>
    public long CommittedBytes => memory.SlotBytes(pages);

    /// <summary>Bytes of the processor's memory that hold the weights.</summary>
    public long PinnedBytes => saved.Sum(range => range.UsedBytes);

    /// <summary>Addresses for a unit's weights.</summary>
    /// <param name="slot">0 or 1.</param>
    /// <param name="weightBytes">What the weights take, as far as that is known.</param>
    /// <returns>Null when the driver has none.</returns>
    public SlotRange? Reserve(int slot, long weightBytes) => memory.ReserveIn(pages, slot, (2 * weightBytes) + SpareAddressBytes);

    /// <summary>Until the result is disposed, what this thread asks for lies one behind the other in a range.</summary>
    public IDisposable LoadInto(SlotRange range) => memory.LoadInto(pages, range);

    /// <summary>Keeps what a range holds in memory of the processor.</summary>
    /// <returns>False when there is no memory of that kind left.</returns>
    /// <exception cref="DeviceSlotException">The device did not copy.</exception>
    public bool TrySave(SlotRange range)
    {
        backing.Synchronize(); // the runtime's own copies may be under way
        if (range.UsedBytes == 0)
        {
            return true;
        }

        range.Host = backing.AllocateHost(range.UsedBytes);
        if (range.Host == 0)
        {
            return false;
        }

        saved.Add(range);
        memory.NotePinned(range.UsedBytes);
        Require(backing.CopyToHost(range.Host, range.Address, range.UsedBytes), "from the device to the processor");
        return true;
    }

    /// <summary>What is brought from now on waits until a slot is free: see <see cref="Vacate"/>.</summary>
    /// <exception cref="DeviceSlotException">The device is lost.</exception>
    public void AwaitFree(int slot) => Require(uploads.HoldCopies(slot), ToDevice);

    /// <summary>Asks the device to bring what was saved of a range into its slot.</summary>
    /// <exception cref="DeviceSlotException">It takes no copy.</exception>
    public void Begin(SlotRange range) =>
        Require(range.UsedBytes == 0 || uploads.Start(range.Slot, range.Address, range.Host, range.UsedBytes), ToDevice);

    /// <summary>What the device is asked to compute from now on waits for a slot's last copy.</summary>
    /// <exception cref="DeviceSlotException">The device is lost.</exception>
    public void Wait(int slot) => Require(uploads.HoldComputing(slot), ToDevice);

    /// <summary>A slot is free when the device has computed all that it was asked to so far.</summary>
    /// <exception cref="DeviceSlotException">The device is lost.</exception>
    public void Vacate(int slot) => Require(uploads.Vacate(slot), ToDevice);

    /// <summary>Waits until the device has computed all that it was asked to.</summary>
    /// <exception cref="DeviceSlotException">It reports an error.</exception>
    public void Finish()
    {
        if (!uploads.Finish())
        {
            throw new DeviceSlotException("The device did not end what it was asked to compute.");
        }
    }

    /// <summary>Waits until nothing of the device is under way, whether it worked out or not.</summary>
    public void Settle() => backing.Synchronize();

    public void Dispose()
    {
        backing.Synchronize();
        uploads.Dispose();
        memory.Close(pages);
        foreach (var range in saved)
        {
            backing.FreeHost(range.Host, range.UsedBytes);
            memory.NotePinned(-range.UsedBytes);
        }

        saved.Clear();
    }

    private static void Require(bool worked, string way)
    {
        if (!worked)
        {
            throw new DeviceSlotException($"Weights could not be copied {way}.");
        }
    }
}

/// <summary>Weights that could not be brought or used, for another reason than want of memory.</summary>
internal sealed class DeviceSlotException(string message) : Exception(message);
