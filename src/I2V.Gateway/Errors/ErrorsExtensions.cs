namespace I2V.Gateway.Errors;

/// <summary>Wires errors in: every answer carries its request id, every refusal is a problem, none shows a stack trace.</summary>
internal static class ErrorsExtensions
{
    private const string RequestIdHeader = "X-Request-Id";

    public static IServiceCollection AddProblems(this IServiceCollection services) =>
        services.AddExceptionHandler<ExceptionToProblem>();

    /// <summary>First in the pipeline, so that it covers everything behind it.</summary>
    public static IApplicationBuilder UseProblems(this IApplicationBuilder app) => app
        .Use(GiveRequestIdAsync)
        .UseExceptionHandler(_ => { })
        .UseStatusCodePages(page => Problems.ForStatus(page.HttpContext.Response.StatusCode).ExecuteAsync(page.HttpContext));

    private static Task GiveRequestIdAsync(HttpContext context, RequestDelegate next)
    {
        // Ours and not the caller's: what a caller chose could collide or be written to mislead whoever reads the log.
        context.TraceIdentifier = $"req_{Guid.NewGuid():N}";
        context.Response.OnStarting(() =>
        {
            context.Response.Headers[RequestIdHeader] = context.TraceIdentifier;
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return Task.CompletedTask;
        });
        return next(context);
    }
}
