using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Units of a device whose memory is not ours: to bring a unit's weights is to load its session, and to drop them is to dispose
/// it, so that the weights of two units are in memory at most and the system's page cache holds the rest.
/// </summary>
/// <remarks>
/// On the processor a session loads in a thread of its own while another one runs. Sessions of any other device load in the
/// caller's thread when they are waited for: it has the device's turn, and they share what two threads must not use at once.
/// </remarks>
internal sealed class ReloadedUnits : IUnitSessions
{
    private readonly IReadOnlyList<UnitGraph> graphs;
    private readonly DeviceOptions device;
    private readonly Task<InferenceSession>?[] loads;

    private ReloadedUnits(IReadOnlyList<UnitGraph> graphs, DeviceOptions device)
    {
        (this.graphs, this.device) = (graphs, device);
        loads = new Task<InferenceSession>?[graphs.Count];
    }

    public int Count => graphs.Count;

    public long PinnedBytes => 0;

    public bool IsQueue => false;

    public IStreamMarks? Marks => null;

    public StreamRecorder? Recorder { get; set; }

    /// <summary>Units that are loaded or being loaded.</summary>
    public int Held => loads.Count(load => load is not null);

    public InferenceSession this[int unit] =>
        (loads[unit] ?? throw new InvalidOperationException($"The unit {graphs[unit].Unit.Name} was not waited for.")).GetAwaiter().GetResult();

    /// <summary>Tries the first unit, so that a runtime or a device that is missing is told now.</summary>
    /// <exception cref="GenerationException">The runtime, its provider or the unit cannot be used.</exception>
    public static ReloadedUnits Load(IReadOnlyList<UnitGraph> graphs, DeviceOptions device)
    {
        using var first = graphs[0].Open(device);
        GraphLoader.RequireDevice(device, first);
        return new ReloadedUnits(graphs, device);
    }

    public void Begin(int unit)
    {
        if (device.Provider == "cpu")
        {
            // A thread of its own: it waits for the disk, and those of the pool are few.
            loads[unit] = Task.Factory.StartNew(() => graphs[unit].Open(device), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    public void Wait(int unit)
    {
        loads[unit] ??= Task.FromResult(graphs[unit].Open(device));
        _ = this[unit];
    }

    public void Ran(int unit)
    {
        // Its run was waited for.
    }

    public void Finish()
    {
        // As above.
    }

    public void Drop(int unit)
    {
        if (loads[unit] is { } load)
        {
            loads[unit] = null;
            Finish(load);
            if (load.IsCompletedSuccessfully)
            {
                load.GetAwaiter().GetResult().Dispose();
            }
        }
    }

    public void Settle() => Array.ForEach(loads, Finish);

    public void Dispose()
    {
        for (var unit = 0; unit < loads.Length; unit++)
        {
            Drop(unit);
        }
    }

    /// <summary>What it met is told to whoever waits for the unit, if anybody does.</summary>
    private static void Finish(Task? load) => load?.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
}
