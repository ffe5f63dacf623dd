using I2V.Inference.Pipelines;
using I2V.Protocol.Jobs;

namespace I2V.Worker.RenderJob;

/// <summary>
/// Turns what the pipeline and the attempt do into the progress that users see: a percentage over the whole attempt that
/// never goes back, seconds per step, what is left; and keeps the seconds of each phase for the job's metrics.
/// </summary>
internal sealed class AttemptProgress : IProgress<GenerationProgress>
{
    private readonly TimeProvider time;
    private readonly Action<JobProgress> changed;
    private readonly Lock sync = new();
    private readonly Dictionary<JobPhase, TimeSpan> spent = [];
    private readonly PhaseMemory memory = new();
    private readonly bool denoises;
    private JobProgress current = new() { Phase = JobPhase.Loading };
    private long phaseStart;
    private int firstStep;

    /// <param name="time">The clock.</param>
    /// <param name="denoises">True when the model takes denoising steps, which then are most of the work.</param>
    /// <param name="changed">Hears of every change.</param>
    public AttemptProgress(TimeProvider time, bool denoises, Action<JobProgress> changed)
    {
        this.time = time;
        this.denoises = denoises;
        this.changed = changed;
        phaseStart = time.GetTimestamp();
    }

    public JobProgress Current
    {
        get
        {
            lock (sync)
            {
                return current;
            }
        }
    }

    public void Enter(JobPhase phase) => Set(phase, step: null, totalSteps: null);

    public void Report(GenerationProgress value) => Set(ToPhase(value.Phase), value.Step, value.TotalSteps);

    /// <summary>Phase → this process's memory at most.</summary>
    public IReadOnlyDictionary<JobPhase, long> PeakBytes => memory.Peaks();

    /// <summary>Seconds spent in a phase so far.</summary>
    public double Seconds(JobPhase phase)
    {
        lock (sync)
        {
            var running = phase == current.Phase ? time.GetElapsedTime(phaseStart) : TimeSpan.Zero;
            return Math.Round((spent.GetValueOrDefault(phase) + running).TotalSeconds, 3);
        }
    }

    internal static JobPhase ToPhase(GenerationPhase phase) => phase switch
    {
        GenerationPhase.Loading => JobPhase.Loading,
        GenerationPhase.Encoding => JobPhase.Encoding,
        GenerationPhase.Denoising => JobPhase.Denoising,
        GenerationPhase.Decoding => JobPhase.Decoding,
        _ => JobPhase.Unknown,
    };

    private void Set(JobPhase phase, int? step, int? totalSteps)
    {
        memory.Enter(phase);
        JobProgress news;
        lock (sync)
        {
            if (phase != current.Phase)
            {
                spent[current.Phase] = spent.GetValueOrDefault(current.Phase) + time.GetElapsedTime(phaseStart);
                phaseStart = time.GetTimestamp();
                firstStep = step ?? 0;
            }

            news = current = Describe(phase, step, totalSteps);
        }

        changed(news);
    }

    private JobProgress Describe(JobPhase phase, int? step, int? totalSteps)
    {
        var (from, to) = Band(phase);
        var share = totalSteps > 0 ? Math.Clamp((double)(step ?? 0) / totalSteps.Value, 0, 1) : 0;
        var percent = Math.Max(current.Percent, from + ((to - from) * share));
        var seconds = SecondsPerStep(step);
        return new JobProgress
        {
            Phase = phase,
            Percent = Math.Round(percent, 1),
            Step = step,
            TotalSteps = totalSteps,
            SecondsPerStep = seconds is null ? null : Math.Round(seconds.Value, 3),
            EtaSeconds = Remaining(seconds, totalSteps, to - from, percent),
            UpdatedAt = time.GetUtcNow(),
        };
    }

    private double? SecondsPerStep(int? step) =>
        step - firstStep is > 0 and var steps ? time.GetElapsedTime(phaseStart).TotalSeconds / steps : null;

    /// <summary>Later phases are assumed to take their share of the bar at the pace of this one.</summary>
    private static double? Remaining(double? secondsPerStep, int? totalSteps, double width, double percent) =>
        secondsPerStep is { } seconds && totalSteps is { } total ? Math.Round(seconds * total / width * (100 - percent), 1) : null;

    /// <summary>Each phase's part of the bar, in percent.</summary>
    private (double From, double To) Band(JobPhase phase) => (phase, denoises) switch
    {
        (JobPhase.Loading, _) => (0, 2),
        (JobPhase.Encoding, _) => (2, 5),
        (JobPhase.Denoising, _) => (5, 85),
        (JobPhase.Decoding, true) => (85, 95),
        (JobPhase.Decoding, false) => (5, 95),
        (JobPhase.Muxing, _) => (95, 97),
        (JobPhase.Uploading, _) => (97, 100),
        _ => (0, 0.1),
    };
}
