namespace I2V.Protocol.Errors;

/// <summary>
/// Why something was refused or failed, as it travels in <c>code</c>: the same list for HTTP answers and for failed jobs.
/// </summary>
public static class ErrorCode
{
    public const string InvalidInput = "invalid_input";
    public const string ImageUnreadable = "image_unreadable";
    public const string ImageTooLarge = "image_too_large";
    public const string UnsupportedModel = "unsupported_model";
    public const string FrameRule = "frame_rule";
    public const string NoCapableWorker = "no_capable_worker";
    public const string VramInsufficient = "vram_insufficient";
    public const string RamInsufficient = "ram_insufficient";
    public const string QueueFull = "queue_full";
    public const string RateLimited = "rate_limited";
    public const string StartTimeout = "start_timeout";
    public const string RunTimeout = "run_timeout";
    public const string WorkerLost = "worker_lost";
    public const string ModelLoadFailed = "model_load_failed";
    public const string InferenceFailed = "inference_failed";
    public const string EncodeFailed = "encode_failed";
    public const string StorageUnavailable = "storage_unavailable";
    public const string IdempotencyKeyReused = "idempotency_key_reused";
    public const string NotFound = "not_found";
    public const string Conflict = "conflict";
    public const string Unauthorized = "unauthorized";
    public const string Forbidden = "forbidden";
    public const string PayloadTooLarge = "payload_too_large";
    public const string Internal = "internal";

    /// <summary>True when the same request may succeed later or elsewhere. The one place where retry policy is decided.</summary>
    public static bool IsRetryable(string code) => code switch
    {
        InvalidInput or ImageUnreadable or ImageTooLarge or UnsupportedModel or FrameRule => false,
        VramInsufficient or RamInsufficient or RunTimeout => false,
        IdempotencyKeyReused or NotFound or Conflict or Unauthorized or Forbidden or PayloadTooLarge => false,
        NoCapableWorker or QueueFull or RateLimited or StartTimeout or WorkerLost => true,
        ModelLoadFailed or InferenceFailed or EncodeFailed or StorageUnavailable or Internal => true,
        _ => false,
    };
}

/// <summary>RFC 9457 problem details with our extensions, as <c>application/problem+json</c>.</summary>
public sealed record Problem
{
    public string Type { get; init; } = "about:blank";

    public required string Title { get; init; }

    public required int Status { get; init; }

    public string? Detail { get; init; }

    public string? Instance { get; init; }

    /// <summary>One of <see cref="ErrorCode"/>.</summary>
    public required string Code { get; init; }

    public required bool Retryable { get; init; }

    public string? RequestId { get; init; }

    public IReadOnlyList<ProblemItem>? Errors { get; init; }
}

/// <param name="Pointer">JSON pointer into the request, such as <c>/input/num_frames</c>; for a form field the pointer of its JSON twin.</param>
/// <param name="Code">One of <see cref="ErrorCode"/>.</param>
/// <param name="Detail">What was wrong and what would be right.</param>
public sealed record ProblemItem(string Pointer, string Code, string Detail);
