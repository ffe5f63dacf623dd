using System.Globalization;
using System.Security.Claims;
using I2V.Gateway.Errors;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary><c>GET /v1/jobs/{id}</c>, with <c>ETag</c> and, by <c>?wait=</c>, a long poll.</summary>
internal static class GetJob
{
    public static async Task<Results<Ok<JobObject>, StatusCodeHttpResult, ProblemResult>> HandleAsync(
        string id, string? wait, HttpContext http, ClaimsPrincipal user, JobReader jobs, JobWait waits, CancellationToken ct)
    {
        if (!TryReadWait(wait, out var limit))
        {
            return Problems.Invalid("/wait", $"Must be a whole number of seconds from 0 to {JobWait.Most.TotalSeconds}.");
        }

        var seen = http.Request.Headers.IfNoneMatch.ToString();
        if (await jobs.FindAsync(id, user, ct) is not { } row
            || await waits.UntilAsync(row, limit, Enough(seen), ct) is not { } view)
        {
            return JobReader.NotFound();
        }

        http.Response.Headers.ETag = view.ETag;
        http.Response.Headers.CacheControl = "private, no-cache";
        return view.ETag == seen ? TypedResults.StatusCode(StatusCodes.Status304NotModified) : TypedResults.Ok(view.Job);
    }

    /// <summary>Who shows what was seen waits for any change; who does not, for the end.</summary>
    private static Func<JobView, bool> Enough(string seen) =>
        seen.Length > 0 ? view => view.ETag != seen || view.Job.Status.IsTerminal() : view => view.Job.Status.IsTerminal();

    private static bool TryReadWait(string? text, out TimeSpan wait)
    {
        var seconds = 0;
        var well = text is null
            || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds) && seconds <= JobWait.Most.TotalSeconds);
        wait = TimeSpan.FromSeconds(seconds);
        return well;
    }
}
