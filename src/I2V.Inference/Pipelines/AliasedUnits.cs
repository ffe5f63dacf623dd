using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Units of a CUDA device whose memory is ours: all sessions stay loaded, their weights wait in memory of the processor and
/// take turns in two slots of the device's. Why that is sound is told at <see cref="DeviceSlots"/>.
/// </summary>
/// <remarks>
/// What is synchronised: all units compute in one stream, where each waits for its copy; copies go one after the other in a
/// stream of their own, where each waits for the run of the unit that its slot held. The processor hands over one unit after
/// the other and waits for the last one only. Memory that it frees meanwhile may still be read by the device, but what is
/// written there next is written by the same stream, later.
/// </remarks>
internal sealed class AliasedUnits : IUnitSessions
{
    private readonly List<InferenceSession> sessions = [];
    private readonly List<SlotRange> ranges = [];
    private readonly IReadOnlyList<UnitGraph> graphs;
    private readonly DeviceOptions device;
    private readonly DeviceSlots slots;

    private AliasedUnits(IReadOnlyList<UnitGraph> graphs, DeviceOptions device, DeviceSlots slots) =>
        (this.graphs, this.device, this.slots) = (graphs, device with { Tuning = device.Tuning with { SharedStream = true } }, slots);

    public int Count => graphs.Count;

    public long PinnedBytes => slots.PinnedBytes;

    public bool IsQueue => true;

    /// <summary>Bytes of the device's memory in both slots.</summary>
    public long SlotBytes => slots.CommittedBytes;

    public IStreamMarks? Marks => slots.Marks;

    public StreamRecorder? Recorder { get; set; }

    public InferenceSession this[int unit] => sessions[unit];

    /// <summary>Loads every unit once, through its slot, and keeps its weights in memory of the processor.</summary>
    /// <returns>Null where one memory cannot lie behind several addresses.</returns>
    /// <exception cref="GenerationException">A unit cannot be loaded, or memory is wanting; nothing stays behind.</exception>
    public static AliasedUnits? TryLoad(IReadOnlyList<UnitGraph> graphs, DeviceOptions device)
    {
        if (OpenSlots(device) is not { } slots)
        {
            return null;
        }

        var units = new AliasedUnits(graphs, device, slots);
        try
        {
            foreach (var graph in graphs)
            {
                units.Add(graph);
            }

            GraphLoader.RequireDevice(device, [.. units.sessions]);
            return units;
        }
        catch
        {
            units.Dispose();
            throw;
        }
    }

    public void Begin(int unit)
    {
        Guard(unit, () => slots.AwaitFree(ranges[unit].Slot));
        if (Recorder is null)
        {
            Guard(unit, () => slots.Begin(ranges[unit]));
        }
        else
        {
            Recorder.Around(graphs[unit].Unit.Name, isCopy: true, () => Guard(unit, () => slots.Begin(ranges[unit])));
        }
    }

    public void Wait(int unit) => Guard(unit, () => slots.Wait(ranges[unit].Slot));

    public void Ran(int unit) => Guard(unit, () => slots.Vacate(ranges[unit].Slot));

    public void Finish() => Guard(graphs.Count - 1, slots.Finish);

    public void Drop(int unit)
    {
        // The slot stays, and what comes next overwrites it.
    }

    public void Settle() => slots.Settle();

    public void Dispose()
    {
        slots.Settle();
        sessions.ForEach(session => session.Dispose());
        sessions.Clear();
        slots.Dispose();
    }

    private static DeviceSlots? OpenSlots(DeviceOptions device)
    {
        try
        {
            return GraphLoader.OwnMemory(device)?.OpenSlots();
        }
        catch (CudaException error)
        {
            throw NativeLibraryLocation.Missing($"CUDA device {device.DeviceId} cannot be used: {error.Message}", error);
        }
    }

    private void Add(UnitGraph graph)
    {
        var number = sessions.Count;
        var range = slots.Reserve(number % SlotPages.Slots, graph.Unit.WeightBytes)
            ?? throw new GenerationException(GenerationError.OutOfDeviceMemory, $"{graph.Title} cannot be loaded: CUDA device {device.DeviceId} has no addresses left.");
        ranges.Add(range);
        sessions.Add(graph.Open(device, (slots, range)));
        Guard(number, () => Save(graph, range));
    }

    private void Save(UnitGraph graph, SlotRange range)
    {
        if (!slots.TrySave(range))
        {
            throw new GenerationException(
                GenerationError.ModelLoadFailed,
                $"{graph.Title} cannot be streamed: its {range.UsedBytes} bytes of weights need memory of the processor that stays in place, and the system gives no more than the {slots.PinnedBytes} bytes of the units before.");
        }
    }

    private void Guard(int unit, Action action)
    {
        try
        {
            action();
        }
        catch (DeviceSlotException error)
        {
            throw DeviceFailure.OfSlots(graphs[unit].Title, device, error);
        }
    }
}
