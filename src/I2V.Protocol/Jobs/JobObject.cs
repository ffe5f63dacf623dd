namespace I2V.Protocol.Jobs;

/// <summary>A job as every call answers it.</summary>
public sealed record JobObject
{
    /// <summary><c>job_…</c></summary>
    public required string Id { get; init; }

    public string Object { get; init; } = "job";

    public required JobStatus Status { get; init; }

    /// <summary>Why the status is what it is where that says more: <c>retrying</c>, <c>canceling</c>, <c>waiting_for_worker</c>, …</summary>
    public string? StatusReason { get; init; }

    public required string Model { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public required JobSettings Requested { get; init; }

    public required AppliedSettings Applied { get; init; }

    public IReadOnlyList<Degradation> Degradations { get; init; } = [];

    public IReadOnlyList<JobWarning> Warnings { get; init; } = [];

    public QueueInfo? Queue { get; init; }

    public JobProgress? Progress { get; init; }

    public AttemptInfo? Attempt { get; init; }

    public JobOutput? Output { get; init; }

    public JobError? Error { get; init; }

    public JobMetrics? Metrics { get; init; }

    public int Priority { get; init; }

    /// <summary>The job that it was made of, by a retry or by finalizing.</summary>
    public string? RetryOf { get; init; }

    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    public required JobUrls Urls { get; init; }
}

/// <summary>The settings that made the film, the rung of the ladder and the techniques that it took.</summary>
public sealed record AppliedSettings : JobSettings
{
    public AppliedSettings()
    {
    }

    public AppliedSettings(JobSettings settings)
        : base(settings)
    {
    }

    /// <summary>Null until a worker has planned the job.</summary>
    public string? Rung { get; init; }

    public IReadOnlyList<string> Techniques { get; init; } = [];

    /// <summary>
    /// What the same seed, package and settings give on the same kind of device: <c>exact</c>, the same film bit for bit;
    /// <c>close</c>, one that looks the same. Null until a worker has made the film.
    /// </summary>
    public string? Determinism { get; init; }

    /// <summary>The least PSNR in dB that was measured between two films of one request, where they are <c>close</c>; null when unknown.</summary>
    public double? DeterminismPsnrDb { get; init; }
}

/// <summary>One change that was made to fit the card, with the bytes that forced it.</summary>
public sealed record Degradation(string Code, string Field, string From, string To, long? NeededBytes, long? FreeBytes, string Message);

/// <summary>Something the user should know that did not stop the job, such as a field that the model does not use.</summary>
public sealed record JobWarning(string Code, string? Field, string Message);

/// <summary>Where a queued job stands.</summary>
public sealed record QueueInfo
{
    /// <summary>1 for the job that runs next.</summary>
    public int Position { get; init; }

    public int Ahead { get; init; }

    public QueueEta? EtaSeconds { get; init; }

    /// <summary>Workers that are alive, serve the model and, as far as is known, can take the job.</summary>
    public int FeasibleWorkers { get; init; }

    /// <summary>Codes (<c>no_capable_worker</c>, <c>retry_delay</c>, <c>tenant_running_limit</c>) and a sentence for each worker that cannot take it.</summary>
    public IReadOnlyList<string> BlockedBy { get; init; } = [];
}

/// <summary>Seconds until the job starts, median and ninetieth percentile.</summary>
public sealed record QueueEta(double P50, double P90);

/// <summary>Progress of the attempt that runs.</summary>
public sealed record JobProgress
{
    public JobPhase Phase { get; init; }

    /// <summary>0 … 100 over the whole attempt.</summary>
    public double Percent { get; init; }

    public int? Step { get; init; }

    public int? TotalSteps { get; init; }

    public double? SecondsPerStep { get; init; }

    public double? EtaSeconds { get; init; }

    public DateTimeOffset? UpdatedAt { get; init; }
}

public sealed record AttemptInfo
{
    public int Number { get; init; }

    /// <summary>Most attempts that failures of the job's own may take.</summary>
    public int Max { get; init; }

    public string? Worker { get; init; }

    public GpuInfo? Gpu { get; init; }
}

public sealed record GpuInfo(string Name, long? VramTotal);

public sealed record JobOutput
{
    public OutputFile? Video { get; init; }

    public OutputFile? Poster { get; init; }

    public OutputFile? Manifest { get; init; }

    public long? Seed { get; init; }
}

/// <summary>A finished file behind a signed link. Picture fields are null where they make no sense.</summary>
public sealed record OutputFile
{
    public required string Url { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

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

/// <param name="Hits">Results that were there.</param>
/// <param name="Misses">Results that had to be made.</param>
public sealed record CacheCount(int Hits, int Misses);

public sealed record JobError(string Code, string Message, bool Retryable);

/// <summary>Where the time and the memory of the successful attempt went.</summary>
public sealed record JobMetrics
{
    public double? QueueSeconds { get; init; }

    public double? LoadSeconds { get; init; }

    public double? EncodeSeconds { get; init; }

    public double? DenoiseSeconds { get; init; }

    public double? DecodeSeconds { get; init; }

    public double? MuxSeconds { get; init; }

    public double? UploadSeconds { get; init; }

    public long? PeakVramBytes { get; init; }

    /// <summary>
    /// Phase (<c>encoding</c>, <c>denoising</c>, <c>decoding</c>, …) → most memory that was in use in it: the model's own on a GPU,
    /// the whole process's on the processor.
    /// </summary>
    public IReadOnlyDictionary<string, long>? PhasePeakBytes { get; init; }

    /// <summary><c>prompts</c>, <c>images</c>, <c>latents</c> → how often a result of an earlier job was used, and how often it had to be made.</summary>
    public IReadOnlyDictionary<string, CacheCount>? Caches { get; init; }

    /// <summary>True when the model was loaded already.</summary>
    public bool? Warm { get; init; }
}

public sealed record JobUrls(string Self, string Events, string Cancel, string Content);

/// <summary>One page of jobs, newest first.</summary>
public sealed record JobList
{
    public string Object { get; init; } = "list";

    public required IReadOnlyList<JobObject> Data { get; init; }

    public bool HasMore { get; init; }

    public string? NextCursor { get; init; }
}

/// <summary>What a cancel did: <c>canceled</c>, <c>canceling</c> or <c>already_finished</c>.</summary>
public sealed record CancelAnswer(string Result, JobObject Job);
