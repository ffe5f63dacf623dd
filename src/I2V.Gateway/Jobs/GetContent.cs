using System.Globalization;
using System.Security.Claims;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Storage;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace I2V.Gateway.Jobs;

/// <summary><c>GET /v1/jobs/{id}/content</c>: sends to the stored file, or its bytes to who accepts exactly its type.</summary>
internal static class GetContent
{
    private static readonly string[] Variants = ["video", "poster", "preview", "manifest"];

    public static async Task<Results<RedirectHttpResult, FileStreamHttpResult, ProblemResult>> HandleAsync(
        string id, string? variant, HttpContext http, ClaimsPrincipal user, JobReader jobs, IObjectStore store, TimeProvider clock, CancellationToken ct)
    {
        var name = variant ?? "video";
        if (!Variants.Contains(name))
        {
            return Problems.Invalid("/variant", $"Must be one of {string.Join(", ", Variants)}.");
        }

        if (await jobs.FindAsync(id, user, ct) is not { } job)
        {
            return JobReader.NotFound();
        }

        if (job.Outputs is not { } outputs)
        {
            return job.FinishedAt is null
                ? Problems.Conflict("The job has not finished yet; its files are there once its status is succeeded.")
                : Problems.NotFound("The job ended without a film.");
        }

        if (outputs.FirstOrDefault(output => output.File.Name == name) is not { } found)
        {
            return Problems.NotFound($"The job has no {name}.");
        }

        if (job.OutputLifetime(clock.GetUtcNow()) is not { } lifetime)
        {
            return Problems.Gone(FormattableString.Invariant(
                $"The job's files are gone: they were kept for {job.OutputExpiresIn} s after its end, as output.expires_in said."));
        }

        http.Response.Headers.CacheControl = "private, no-store";
        http.Response.Headers.Vary = HeaderNames.Accept;
        if (http.Request.Headers.Accept.ToString() == found.File.ContentType)
        {
            return await OpenAsync(found, http, store, ct);
        }

        var link = store.SignGet(found.Key, lifetime);
        return TypedResults.Redirect(link.Url);
    }

    /// <summary>With one byte range at most, which players ask for; several are answered with the whole file, as RFC 9110 allows.</summary>
    private static async Task<Results<RedirectHttpResult, FileStreamHttpResult, ProblemResult>> OpenAsync(StoredArtifact found, HttpContext http, IObjectStore store, CancellationToken ct)
    {
        var size = found.File.Bytes;
        var response = http.Response;
        response.Headers.AcceptRanges = "bytes";
        if (ReadRange(http.Request, size) is not { } range)
        {
            response.ContentLength = size;
            return TypedResults.Stream(await store.OpenReadAsync(found.Key, range: null, ct), found.File.ContentType);
        }

        if (range.From >= size)
        {
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes */{size}");
            return Problems.Of(ErrorCode.InvalidInput, $"The range begins past the file's {size} bytes.", StatusCodes.Status416RangeNotSatisfiable);
        }

        var to = Math.Min(range.To ?? size - 1, size - 1);
        var part = await store.OpenReadAsync(found.Key, new ByteRange(range.From, to), ct);
        response.StatusCode = StatusCodes.Status206PartialContent;
        response.ContentLength = to - range.From + 1;
        response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {range.From}-{to}/{size}");
        return TypedResults.Stream(part, found.File.ContentType);
    }

    private static ByteRange? ReadRange(HttpRequest request, long size)
    {
        if (request.GetTypedHeaders().Range is not { Ranges: { Count: 1 } ranges, Unit.Value: "bytes" })
        {
            return null;
        }

        var range = ranges.First();
        return range.From is { } from
            ? new ByteRange(from, range.To)
            : new ByteRange(Math.Max(0, size - (range.To ?? 0)), null);
    }
}
