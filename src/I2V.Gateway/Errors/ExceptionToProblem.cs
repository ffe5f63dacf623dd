using I2V.Gateway.Storage;
using I2V.Media;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace I2V.Gateway.Errors;

/// <summary>The one place where an exception becomes an answer: what we know by its type, the rest as 500 without its text.</summary>
internal sealed partial class ExceptionToProblem(ILogger<ExceptionToProblem> log) : IExceptionHandler
{
    private const int ClientClosedRequest = 499;

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = ClientClosedRequest;
            return true;
        }

        var problem = Classify(exception);
        if (problem.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            LogFailed(exception, httpContext.Request.Method, httpContext.Request.Path, httpContext.TraceIdentifier);
        }

        await problem.ExecuteAsync(httpContext);
        return true;
    }

    public static ProblemResult Classify(Exception exception) => exception switch
    {
        RefusedException refused => refused.Problem,
        MediaException { Error: MediaError.ImageUnreadable } media => Problems.Invalid("/input/image", media.Message, ErrorCode.ImageUnreadable),
        MediaException { Error: MediaError.ImageTooLarge } media => Problems.Invalid("/input/image", media.Message, ErrorCode.ImageTooLarge),
        MediaException { IsTransient: true } => Problems.Unavailable("The image could not be read now, for a reason on our side. Try again."),
        StorageException { Error: StorageError.NotFound } => Problems.NotFound("The stored file is gone; it may have been removed with its job."),
        StorageException => Problems.Unavailable("Object storage cannot be reached now. Nothing was changed; try again."),
        BadHttpRequestException bad => Problems.ForStatus(bad.StatusCode),
        PostgresException { SqlState: PostgresErrorCodes.UntranslatableCharacter or PostgresErrorCodes.CharacterNotInRepertoire } =>
            Problems.Invalid("", "The request holds a character that cannot be stored, such as U+0000."),
        DbUpdateException { InnerException: { } inner } => Classify(inner),
        NpgsqlException or TimeoutException => Problems.Unavailable("The database cannot be reached now. Nothing was changed unless a job says so; try again."),
        _ => Problems.ForStatus(StatusCodes.Status500InternalServerError),
    };

    [LoggerMessage(1001, LogLevel.Error, "{Method} {Path} failed (request {RequestId})")]
    private partial void LogFailed(Exception exception, string method, PathString path, string requestId);
}
