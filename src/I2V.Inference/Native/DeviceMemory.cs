using I2V.Inference.Pipelines;

namespace I2V.Inference.Native;

/// <summary>Bytes of a device that tensors occupy, and that the process holds for them.</summary>
/// <param name="WeightBytes">Given out while sessions were loading, and the slots of weights that are streamed.</param>
/// <param name="ActivationBytes">Given out otherwise: inputs, outputs, intermediate tensors, scratch space.</param>
/// <param name="CommittedBytes">Taken from the driver: what is given out, and pages that are only partly used or idle.</param>
public sealed record DeviceMemoryUse(long WeightBytes, long ActivationBytes, long CommittedBytes)
{
    public long LiveBytes => WeightBytes + ActivationBytes;
}

/// <summary>The most that was used at one time.</summary>
/// <param name="LiveBytes">Of tensors.</param>
/// <param name="CommittedBytes">Taken from the driver.</param>
public sealed record DeviceMemoryPeak(long LiveBytes, long CommittedBytes);

/// <summary>A request for memory that could not be met.</summary>
/// <param name="RequestedBytes">Of that one block.</param>
/// <param name="Use">At that moment.</param>
/// <param name="BudgetBytes">Null when the device itself was full.</param>
public sealed record DeviceMemoryRefusal(long RequestedBytes, DeviceMemoryUse Use, long? BudgetBytes);

/// <summary>
/// The memory of the process's CUDA device, given out by us instead of by ONNX Runtime's arena: blocks live exactly as long
/// as the runtime needs them, live and peak bytes are exact (blocks rounded up to 512 bytes), a budget is never exceeded,
/// and a refusal is an ordinary error of the run. Contexts, code and the libraries' own work space are outside: the driver
/// counts those. Thread-safe.
/// </summary>
/// <remarks>
/// The provider's callbacks carry no state, so there is one instance in a process (<see cref="Current"/>), for one device.
/// Memory that the runtime frees may still be in use by its stream. That is sound within a session, whose stream orders the
/// next use behind it; sessions that share this memory must run strictly one after the other and wait for their stream at
/// the end of each run, as <c>Network</c> does.
/// </remarks>
public sealed partial class DeviceMemory
{
    private static readonly Lock Gate = new();
    private static volatile DeviceMemory? current;

    private readonly Lock gate = new();
    private readonly IDeviceBacking backing;
    private readonly CommitBudget budget = new();
    private readonly RegionAllocator weights;
    private readonly RegionAllocator activations;
    private readonly Dictionary<GenerationPhase, DeviceMemoryPeak> peaks = [];
    private GenerationPhase phase;
    private int loading;
    private readonly Dictionary<nint, long> standIns = [];
    private DeviceMemoryRefusal? refusal;
    private RunOptions? running;
    private int faults;

    internal DeviceMemory(IDeviceBacking backing, long segmentBytes, int deviceId = 0)
    {
        (this.backing, DeviceId) = (backing, deviceId);
        weights = new RegionAllocator(backing, budget, segmentBytes);
        activations = new RegionAllocator(backing, budget, segmentBytes);
    }

    /// <summary>The process's instance, or null before the first session on a CUDA device is loaded.</summary>
    public static DeviceMemory? Current => current;

    public int DeviceId { get; }

    /// <summary>The most that may be taken from the driver, in bytes; no limit by default. Less than is taken already refuses what is new.</summary>
    public long BudgetBytes
    {
        get
        {
            lock (gate)
            {
                return budget.Limit;
            }
        }

        set
        {
            lock (gate)
            {
                budget.Limit = value;
            }
        }
    }

    public DeviceMemoryUse Use
    {
        get
        {
            lock (gate)
            {
                return Snapshot();
            }
        }
    }

    /// <summary>Phase → what was used at most in it since <see cref="ResetPeaks"/>.</summary>
    public IReadOnlyDictionary<GenerationPhase, DeviceMemoryPeak> PhasePeaks
    {
        get
        {
            lock (gate)
            {
                return new Dictionary<GenerationPhase, DeviceMemoryPeak>(peaks);
            }
        }
    }

    /// <summary>Times that the runtime gave back an address that was not given out, or that a callback failed: defects, counted instead of crashing.</summary>
    public int Faults => Volatile.Read(ref faults);

    /// <summary>Counts what follows towards a phase, until another one begins.</summary>
    public void BeginPhase(GenerationPhase next)
    {
        lock (gate)
        {
            phase = next;
            NotePeak();
        }
    }

    /// <summary>Forgets all peaks; the current phase begins with what is in use now.</summary>
    public void ResetPeaks()
    {
        lock (gate)
        {
            peaks.Clear();
            NotePeak();
        }
    }

    /// <summary>Waits for the device and gives memory that no tensor occupies back to the driver.</summary>
    /// <returns>Bytes given back.</returns>
    public long Trim()
    {
        lock (gate)
        {
            backing.Synchronize();
            return weights.Trim() + activations.Trim();
        }
    }

    /// <summary>The last refusal since this was asked, so that a failed run knows that it was for want of memory.</summary>
    public DeviceMemoryRefusal? TakeRefusal()
    {
        lock (gate)
        {
            var last = refusal;
            refusal = null;
            return last;
        }
    }

    /// <summary>Until the result is disposed, a refusal ends the run with these options before its next operator.</summary>
    internal IDisposable EndOnRefusal(RunOptions run)
    {
        lock (gate)
        {
            running = run;
        }

        return new Ending(() =>
        {
            lock (gate)
            {
                running = null;
            }
        });
    }

    /// <summary>The instance for a device, made by the first call.</summary>
    /// <exception cref="GenerationException">The process has one for another device, or the driver refuses.</exception>
    internal static DeviceMemory For(int deviceId)
    {
        lock (Gate)
        {
            current ??= Open(deviceId);
            return current.DeviceId == deviceId
                ? current
                : throw NativeLibraryLocation.Missing($"This process uses CUDA device {current.DeviceId} already and cannot use device {deviceId} too: start one process for each device.");
        }
    }

    private static DeviceMemory Open(int deviceId)
    {
        CublasWorkspace.KeepSmall();
        var memory = CudaBacking.OpenMemory(deviceId);
        DeviceMemoryCallbacks.Register(deviceId);
        return memory;
    }

    /// <summary>Makes an instance the process's own until the result is disposed.</summary>
    internal static IDisposable Install(DeviceMemory memory)
    {
        lock (Gate)
        {
            var before = current;
            current = memory;
            return new Ending(() => current = before);
        }
    }

    /// <summary>Until the result is disposed, what is given out counts as weights and lies apart from activations: it stays long and would scatter them.</summary>
    internal IDisposable LoadWeights()
    {
        Interlocked.Increment(ref loading);
        return new Ending(() => Interlocked.Decrement(ref loading));
    }

    /// <returns>The address; 0 when refused, which <see cref="TakeRefusal"/> then tells.</returns>
    internal nint Allocate(nuint bytes)
    {
        lock (gate)
        {
            var size = bytes > long.MaxValue ? long.MaxValue : (long)bytes;
            var address = Take(size, out var reason);
            if (address == 0 && ReclaimIdle(size))
            {
                address = Take(size, out reason);
            }

            if (address == 0)
            {
                refusal = new DeviceMemoryRefusal(size, Snapshot(), reason == AllocationRefusal.OverBudget ? budget.Limit : null);
                return 0;
            }

            NotePeak();
            return address;
        }
    }

    /// <summary>
    /// As <see cref="Allocate"/>, but a refusal gives addresses without memory of their own: the runtime does not look
    /// whether it got any, and a kernel that wrote to address 0 would take the device from the whole process.
    /// </summary>
    internal nint AllocateOrStandIn(nuint bytes)
    {
        lock (gate)
        {
            if (Allocate(bytes) is not 0 and var address)
            {
                return address;
            }

            var pages = ((long)bytes + backing.PageBytes - 1) / backing.PageBytes * backing.PageBytes;
            var standIn = backing.ReserveStandIn(pages);
            if (standIn != 0)
            {
                standIns[standIn] = pages;
            }

            _ = running?.Terminate = true;
            return standIn;
        }
    }

    internal void Free(nint address)
    {
        lock (gate)
        {
            if (standIns.Remove(address, out var pages))
            {
                backing.Synchronize();
                backing.ReleaseStandIn(address, pages);
                return;
            }

            if (address != 0 && !activations.TryFree(address) && !weights.TryFree(address) && !TryFreeInSlots(address))
            {
                Interlocked.Increment(ref faults);
            }
        }
    }

    /// <summary>Something went wrong inside a callback, which must not throw.</summary>
    internal void NoteFault() => Interlocked.Increment(ref faults);

    private nint Take(long bytes, out AllocationRefusal reason)
    {
        var address = AllocateInSlot(bytes, out reason, out var isForSlot);
        return isForSlot ? address : (Volatile.Read(ref loading) > 0 ? weights : activations).Allocate(bytes, out reason);
    }

    /// <summary>Takes pages from behind free addresses, since what is missing is memory and not addresses.</summary>
    private bool ReclaimIdle(long bytes)
    {
        if (!weights.HasIdleMemory && !activations.HasIdleMemory)
        {
            return false;
        }

        // What the host freed a moment ago may still be read by the device.
        backing.Synchronize();
        var wanted = bytes > long.MaxValue - (2 * backing.PageBytes) ? bytes : bytes + (2 * backing.PageBytes);
        var given = weights.Trim(wanted);
        return given + (given < wanted ? activations.Trim(wanted - given) : 0) > 0;
    }

    private DeviceMemoryUse Snapshot() => new(weights.LiveBytes + LiveSlotBytes(), activations.LiveBytes, budget.Committed);

    private void NotePeak()
    {
        var (liveBytes, committed) = (weights.LiveBytes + LiveSlotBytes() + activations.LiveBytes, budget.Committed);
        var peak = peaks.GetValueOrDefault(phase);
        if (peak is null || liveBytes > peak.LiveBytes || committed > peak.CommittedBytes)
        {
            peaks[phase] = new DeviceMemoryPeak(Math.Max(liveBytes, peak?.LiveBytes ?? 0), Math.Max(committed, peak?.CommittedBytes ?? 0));
        }
    }

    private sealed class Ending(Action end) : IDisposable
    {
        private Action? end = end;

        public void Dispose() => Interlocked.Exchange(ref end, null)?.Invoke();
    }
}
