using System.ComponentModel.DataAnnotations;

namespace I2V.Gateway.Scheduling;

/// <summary>Leases and retries. Section <c>Scheduling</c>. The defaults are what the promises are written for.</summary>
internal sealed class SchedulingOptions
{
    public const string Section = "Scheduling";

    /// <summary>How long a worker may be silent. Ten heartbeats, so that a lost packet costs nothing. 30 s.</summary>
    [Range(1, 600)]
    public int LeaseSeconds { get; set; } = 30;

    /// <summary>3 s, which bounds how long a cancel takes to reach a GPU.</summary>
    [Range(1, 60)]
    public int HeartbeatSeconds { get; set; } = 3;

    /// <summary>Wait after the first crash, plus up to half of it: a job that kills workers must not go straight to the next. 5 s.</summary>
    [Range(0, 600)]
    public double CrashBackoffSeconds { get; set; } = 5;

    /// <summary>Wait after the first failure, doubled by each further one, with jitter. 5 s.</summary>
    [Range(0, 600)]
    public double FailureBackoffSeconds { get; set; } = 5;

    /// <summary>How often lapsed leases and due deadlines are looked for. 5 s.</summary>
    [Range(0.05, 60)]
    public double SweepSeconds { get; set; } = 5;

    /// <summary>Youth by which a job for the loaded model may overtake an older one of the same priority. 10 s.</summary>
    [Range(0, 600)]
    public double WarmWindowSeconds { get; set; } = 10;

    /// <summary>Silence after which a worker no longer counts as able to take work. 30 s: three idle heartbeats.</summary>
    [Range(1, 600)]
    public int WorkerSilenceSeconds { get; set; } = 30;

    /// <summary>Longest wait for the broker to confirm a ticket: a blocked connection would not answer at all. 10 s.</summary>
    [Range(0.1, 60)]
    public double PublishSeconds { get; set; } = 10;
}
