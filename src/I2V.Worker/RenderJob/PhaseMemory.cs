using I2V.Protocol.Jobs;
using I2V.Worker.Devices;

namespace I2V.Worker.RenderJob;

/// <summary>Memory of this process in each phase of an attempt on the processor, as the kernel counts it.</summary>
internal sealed class PhaseMemory
{
    private readonly Lock sync = new();
    private readonly Dictionary<JobPhase, long> peaks = [];
    private JobPhase current;

    public PhaseMemory() => HostMemory.ResetPeak();

    /// <summary>Ends the phase that runs when this is another one.</summary>
    public void Enter(JobPhase phase)
    {
        lock (sync)
        {
            if (phase != current)
            {
                Note();
                HostMemory.ResetPeak();
                current = phase;
            }
        }
    }

    /// <summary>Phases so far, the one that runs included.</summary>
    public IReadOnlyDictionary<JobPhase, long> Peaks()
    {
        lock (sync)
        {
            Note();
            return new Dictionary<JobPhase, long>(peaks);
        }
    }

    private void Note()
    {
        if (current != JobPhase.Unknown && HostMemory.PeakBytes() is { } bytes)
        {
            peaks[current] = Math.Max(peaks.GetValueOrDefault(current), bytes);
        }
    }
}
