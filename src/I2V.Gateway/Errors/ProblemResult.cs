using System.Globalization;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace I2V.Gateway.Errors;

/// <summary>Writes a <see cref="Problem"/> with what only the request knows: its address and its id.</summary>
internal sealed class ProblemResult(int status, string code, string detail) : IResult, IStatusCodeHttpResult
{
    public const string ContentType = "application/problem+json";

    private static readonly TimeSpan UsualRetry = TimeSpan.FromSeconds(2);

    public int? StatusCode => status;

    public string Code => code;

    public string Detail => detail;

    public IReadOnlyList<ProblemItem>? Errors { get; init; }

    /// <summary>For 429 and 503. Default 2 s.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = ContentType;
        response.Headers.CacheControl = "no-store";
        if (status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            var seconds = (long)Math.Ceiling((RetryAfter ?? UsualRetry).TotalSeconds);
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (status == StatusCodes.Status401Unauthorized)
        {
            response.Headers[HeaderNames.WWWAuthenticate] = "Bearer";
        }

        var problem = new Problem
        {
            Title = ReasonPhrases.GetReasonPhrase(status),
            Status = status,
            Detail = detail,
            Instance = httpContext.Request.Path.Value,
            Code = code,
            Retryable = ErrorCode.IsRetryable(code),
            RequestId = httpContext.TraceIdentifier,
            Errors = Errors,
        };
        await JsonSerializer.SerializeAsync(response.Body, problem, I2VJson.Options, httpContext.RequestAborted);
    }
}
