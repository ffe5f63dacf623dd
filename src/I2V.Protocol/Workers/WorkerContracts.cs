using I2V.Protocol.Jobs;

namespace I2V.Protocol.Workers;

/// <summary>
/// <c>POST /worker/v1/workers</c>: one process incarnation introduces itself. A new incarnation on the same device
/// takes over: its predecessor's leases lapse at once.
/// </summary>
public sealed record RegisterWorker
{
    /// <summary>Name for people, unique per device of a host, such as <c>host/cpu-0</c>.</summary>
    public required string Name { get; init; }

    public required string Host { get; init; }

    public required WorkerDevice Device { get; init; }

    public required IReadOnlyList<ModelCapability> Models { get; init; }

    /// <summary>Queues that this worker consumes, from <see cref="Bus.Lanes"/>.</summary>
    public required IReadOnlyList<string> Lanes { get; init; }

    /// <summary>Version of the worker program.</summary>
    public required string Version { get; init; }
}

public enum DeviceKind
{
    Unknown = 0,
    Cpu = 1,
    Cuda = 2,
    WebGpu = 3,
}

public sealed record WorkerDevice
{
    public required DeviceKind Kind { get; init; }

    /// <summary>GPU uuid, or <c>HOST/cpu-0</c>, <c>HOST/cpu-1</c>, … for workers on the processor.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Bytes; of system memory for the processor.</summary>
    public required long MemoryTotalBytes { get; init; }

    /// <summary>Bytes; of system memory for the processor.</summary>
    public required long MemoryFreeBytes { get; init; }
}

/// <summary>What one model on this worker can do: how the gateway validates without knowing any pipeline.</summary>
public sealed record ModelCapability
{
    public required string Name { get; init; }

    public required string Family { get; init; }

    public required string Version { get; init; }

    /// <summary>SHA-256 of the package's manifest, which holds the hashes of everything else; lower-case hexadecimal.</summary>
    public required string PackageSha256 { get; init; }

    public string? License { get; init; }

    public string? Description { get; init; }

    public required ModelLimits Limits { get; init; }

    /// <summary>Names of <see cref="JobSettings"/> in snake_case that the model reads; the others are accepted with a warning.</summary>
    public required IReadOnlyList<string> UsedSettings { get; init; }

    /// <summary>Values taken for what the request leaves open.</summary>
    public required JobSettings Defaults { get; init; }

    /// <summary>Settings per preset name, laid over the defaults.</summary>
    public IReadOnlyDictionary<string, JobSettings> Presets { get; init; } = new Dictionary<string, JobSettings>();

    /// <summary>Measured or predicted memory and time per size bucket, on the idle device.</summary>
    public IReadOnlyList<FitRow> Fit { get; init; } = [];
}

public sealed record ModelLimits
{
    public required IntRange Width { get; init; }

    public required IntRange Height { get; init; }

    /// <summary>Both sides are multiples of this.</summary>
    public required int SizeMultipleOf { get; init; }

    /// <summary>Longest side in pixels when neither width nor height is asked for.</summary>
    public required int DefaultLongestSide { get; init; }

    public required IntRange Frames { get; init; }

    /// <summary><c>any</c> or <c>4k+1</c>.</summary>
    public required string FrameRule { get; init; }

    public required IntRange Fps { get; init; }

    /// <summary>Null when the model takes no steps.</summary>
    public IntRange? Steps { get; init; }

    public DoubleRange? GuidanceScale { get; init; }
}

/// <summary>Both ends included.</summary>
public sealed record IntRange(int Min, int Max);

/// <summary>Both ends included.</summary>
public sealed record DoubleRange(double Min, double Max);

public sealed record WorkerRegistered
{
    public required Guid WorkerId { get; init; }

    public required int HeartbeatSeconds { get; init; }

    public required int LeaseSeconds { get; init; }
}

/// <summary><c>POST /worker/v1/workers/{id}/heartbeat</c> while idle.</summary>
public sealed record IdleHeartbeat
{
    /// <summary><c>idle</c>, <c>draining</c> or <c>loading</c>.</summary>
    public required string State { get; init; }

    public long? MemoryFreeBytes { get; init; }

    /// <summary>Free memory of the host, where released and streamed weights lie.</summary>
    public long? HostFreeBytes { get; init; }

    public string? WarmModel { get; init; }
}

/// <param name="Drain">True while the gateway gives the worker no job, because somebody asked it to drain.</param>
public sealed record IdleHeartbeatAnswer(bool Drain);

/// <summary><c>POST /worker/v1/claims</c>: the best waiting job for this worker now, or 204.</summary>
public sealed record ClaimRequest
{
    public required Guid WorkerId { get; init; }

    public long? MemoryFreeBytes { get; init; }

    /// <summary>Free memory of the host, where released and streamed weights lie.</summary>
    public long? HostFreeBytes { get; init; }

    /// <summary>The model that is loaded, which wins over an equal job for another.</summary>
    public string? WarmModel { get; init; }
}

/// <summary>A leased job. <c>(JobId, Attempt, LeaseToken)</c> fences everything that the worker says about it.</summary>
public sealed record ClaimedJob
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    public required Guid LeaseToken { get; init; }

    /// <summary>Seconds until the lease lapses without a heartbeat.</summary>
    public required int LeaseSeconds { get; init; }

    /// <summary>Seconds that the attempt may take.</summary>
    public required int RunTimeoutSeconds { get; init; }

    public required JobSpec Spec { get; init; }

    /// <summary>Signed GET of the normalised input: a PNG, RGB, upright.</summary>
    public required string InputUrl { get; init; }

    /// <summary>Lower-case hexadecimal.</summary>
    public required string InputSha256 { get; init; }

    public string? Traceparent { get; init; }
}

/// <summary>What to make: every setting that the model uses is filled in.</summary>
public sealed record JobSpec
{
    public required string Model { get; init; }

    public required JobSettings Settings { get; init; }

    public required JobFit Fit { get; init; }

    /// <summary><c>exact</c> or <c>fast</c>.</summary>
    public string Speed { get; init; } = "exact";

    /// <summary>True when the user named the number of steps, which then holds at either speed.</summary>
    public bool StepsGiven { get; init; }
}

/// <summary><c>POST /worker/v1/claims/{lease}/heartbeat</c>: every 3 s and on each change of phase or step, at most twice a second.</summary>
public sealed record ClaimHeartbeat
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    public JobProgress? Progress { get; init; }

    public long? VramUsedBytes { get; init; }

    public int? TemperatureCelsius { get; init; }

    /// <summary>Counts once per attempt, so that it may come with every heartbeat; what <see cref="JobDegraded"/> says later stands.</summary>
    public AttemptPlan? Plan { get; init; }
}

public enum HeartbeatAction
{
    Unknown = 0,
    Continue = 1,

    /// <summary>The user wants it to end: stop the GPU and report with <c>fail</c>.</summary>
    Cancel = 2,

    /// <summary>The lease is gone: stop the GPU, delete scratch files, say nothing more.</summary>
    Lost = 3,
}

public sealed record HeartbeatAnswer(HeartbeatAction Action, int LeaseSeconds)
{
    /// <summary>True when the worker is to finish its job and gets no further one.</summary>
    public bool Drain { get; init; }
}

/// <summary>A file of the attempt: <c>video</c>, <c>poster</c> or <c>manifest</c>.</summary>
public sealed record Artifact
{
    public required string Name { get; init; }

    public required string ContentType { get; init; }

    public required long Bytes { get; init; }

    /// <summary>Lower-case hexadecimal.</summary>
    public required string Sha256 { get; init; }

    public int? Width { get; init; }

    public int? Height { get; init; }

    public int? NumFrames { get; init; }

    public double? Fps { get; init; }

    public double? DurationSeconds { get; init; }
}

/// <summary><c>POST /worker/v1/claims/{lease}/uploads</c>: asks for signed PUT URLs. Refused with 409 when the lease is gone.</summary>
public sealed record BeginUpload
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    public required IReadOnlyList<Artifact> Artifacts { get; init; }
}

public sealed record UploadTargets(IReadOnlyList<UploadTarget> Uploads);

/// <param name="Name">The artifact's name.</param>
/// <param name="Url">Signed PUT.</param>
/// <param name="Headers">Headers that the PUT must carry.</param>
public sealed record UploadTarget(string Name, string Url, IReadOnlyDictionary<string, string> Headers);

/// <summary><c>POST /worker/v1/claims/{lease}/complete</c>. Saying it again gives the same answer; 409 when the lease is gone.</summary>
public sealed record CompleteJob
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    /// <summary>Must hold <c>video</c>.</summary>
    public required IReadOnlyList<Artifact> Artifacts { get; init; }

    public required AppliedSettings Applied { get; init; }

    public IReadOnlyList<Degradation> Degradations { get; init; } = [];

    public IReadOnlyList<JobWarning> Warnings { get; init; } = [];

    public JobMetrics? Metrics { get; init; }
}

/// <summary><c>POST /worker/v1/claims/{lease}/fail</c>, also after a cancel. 409 when the lease is gone.</summary>
public sealed record FailJob
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    /// <summary>One of <see cref="Errors.ErrorCode"/>; whether it is tried again follows from it.</summary>
    public required string Code { get; init; }

    /// <summary>For the user: no paths, no addresses, no secrets.</summary>
    public required string Message { get; init; }
}

/// <summary><c>POST /worker/v1/claims/{lease}/release</c>: gives the job back uncharged, because the worker stops.</summary>
public sealed record ReleaseJob
{
    public required Guid JobId { get; init; }

    public required int Attempt { get; init; }

    public required string Reason { get; init; }
}

/// <summary>The job's status after complete, fail or release.</summary>
public sealed record AttemptEnded(JobStatus Status, string? StatusReason);
