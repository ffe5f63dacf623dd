using I2V.Protocol.Errors;

namespace I2V.Gateway.Errors;

/// <summary>Every refusal of the gateway, so that a status never travels with another one's code.</summary>
internal static class Problems
{
    /// <summary>The same answer for an unknown, a revoked and an expired key.</summary>
    public static ProblemResult Unauthorized() =>
        Of(ErrorCode.Unauthorized, "The API key is missing or not valid. Send it as \"Authorization: Bearer i2v_live_…\".", StatusCodes.Status401Unauthorized);

    public static ProblemResult Forbidden(string? scope = null) =>
        Of(
            ErrorCode.Forbidden,
            scope is null ? "The API key may not do this." : $"The API key lacks the scope {scope}.",
            StatusCodes.Status403Forbidden);

    public static ProblemResult NotFound(string detail) => Of(ErrorCode.NotFound, detail, StatusCodes.Status404NotFound);

    /// <summary>For what was there and does not come back.</summary>
    public static ProblemResult Gone(string detail) => Of(ErrorCode.NotFound, detail, StatusCodes.Status410Gone);

    public static ProblemResult Conflict(string detail) => Of(ErrorCode.Conflict, detail, StatusCodes.Status409Conflict);

    public static ProblemResult IdempotencyKeyReused() =>
        Of(
            ErrorCode.IdempotencyKeyReused,
            "This Idempotency-Key was used for another request within the last 24 hours. Use a new key for a new request.",
            StatusCodes.Status422UnprocessableEntity);

    public static ProblemResult TooLarge(string detail) =>
        Of(ErrorCode.PayloadTooLarge, detail, StatusCodes.Status413PayloadTooLarge);

    public static ProblemResult QueueFull(string detail) =>
        Of(ErrorCode.QueueFull, detail, StatusCodes.Status429TooManyRequests);

    /// <summary>Like a queue that is full: what is stored goes with time, or when jobs are deleted.</summary>
    public static ProblemResult StorageFull(string detail, TimeSpan retryAfter) =>
        new(StatusCodes.Status429TooManyRequests, ErrorCode.QueueFull, detail) { RetryAfter = retryAfter };

    public static ProblemResult RateLimited(int limit, TimeSpan rest) =>
        new(
            StatusCodes.Status429TooManyRequests,
            ErrorCode.RateLimited,
            FormattableString.Invariant($"This is more than the {limit} requests that you may make in a minute. Retry-After says when to go on."))
        {
            RetryAfter = rest,
        };

    public static ProblemResult Unavailable(string detail) =>
        Of(ErrorCode.StorageUnavailable, detail, StatusCodes.Status503ServiceUnavailable);

    /// <summary>400 with every error that was found; the code is that of the only kind of error, else <c>invalid_input</c>.</summary>
    public static ProblemResult Invalid(IEnumerable<ProblemItem> errors)
    {
        ProblemItem[] items = [.. errors];
        var codes = items.Select(item => item.Code).Distinct().ToArray();
        var detail = items switch
        {
            [] => "The request is not valid.",
            [var only] => only.Detail,
            [var first, ..] => $"{first.Detail} ({items.Length - 1} more in errors.)",
        };
        return new ProblemResult(StatusCodes.Status400BadRequest, codes is [var code] ? code : ErrorCode.InvalidInput, detail)
        {
            Errors = items,
        };
    }

    public static ProblemResult Invalid(string pointer, string detail, string code = ErrorCode.InvalidInput) =>
        Invalid([new ProblemItem(pointer, code, detail)]);

    public static ProblemResult Of(string code, string detail, int status) => new(status, code, detail);

    /// <summary>For a status that the framework chose, such as 405.</summary>
    public static ProblemResult ForStatus(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => Unauthorized(),
        StatusCodes.Status403Forbidden => Forbidden(),
        StatusCodes.Status404NotFound => NotFound("There is nothing at this address."),
        StatusCodes.Status405MethodNotAllowed => Of(ErrorCode.InvalidInput, "The address does not know this method. The Allow header lists those that it knows.", status),
        StatusCodes.Status413PayloadTooLarge => TooLarge("The request's body is larger than this address takes."),
        StatusCodes.Status415UnsupportedMediaType => Of(ErrorCode.InvalidInput, "The address does not read this Content-Type. Send application/json, or multipart/form-data where a file is sent.", status),
        StatusCodes.Status429TooManyRequests => Of(ErrorCode.RateLimited, "Too many requests. Retry-After says when to try again.", status),
        StatusCodes.Status503ServiceUnavailable => Unavailable("The service cannot answer now. Retry-After says when to try again."),
        >= 500 => Of(ErrorCode.Internal, "Something went wrong here. It was logged under the request's id.", status),
        _ => Of(ErrorCode.InvalidInput, "The request is not valid.", status),
    };
}
