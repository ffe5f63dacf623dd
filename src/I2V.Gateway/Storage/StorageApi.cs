using I2V.Protocol;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Storage;

/// <summary>Serves the folder store's signed URLs. With S3 these routes do not exist.</summary>
internal static class StorageApi
{
    private const string Route = FolderLinks.Path + "{**key}";

    public static IEndpointRouteBuilder MapStorage(this IEndpointRouteBuilder routes)
    {
        if (routes.ServiceProvider.GetRequiredService<IObjectStore>() is FolderObjectStore)
        {
            routes.MapMethods(Route, [HttpMethods.Get, HttpMethods.Head], Read).AllowAnonymous().ExcludeFromDescription();
            routes.MapPut(Route, WriteAsync).AllowAnonymous().ExcludeFromDescription();
        }

        return routes;
    }

    private static Results<PhysicalFileHttpResult, JsonHttpResult<Problem>> Read(string key, HttpContext http, FolderLinks links, IObjectStore objects)
    {
        if (links.Open(FolderLinks.Get, key, http.Request.Query) is not { } grant)
        {
            return Forbidden();
        }

        var file = new FileInfo(((FolderObjectStore)objects).Files.PathOf(key));
        if (!file.Exists)
        {
            return Refuse(StatusCodes.Status404NotFound, ErrorCode.NotFound, "There is no such object; it may have been removed with its job.");
        }

        // These bytes come from users and share the console's origin: a browser may show them and run nothing.
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
        http.Response.Headers.CacheControl = "private, max-age=300";
        return TypedResults.PhysicalFile(file.FullName, ContentTypes.Of(key), grant.DownloadName, file.LastWriteTimeUtc, enableRangeProcessing: true);
    }

    private static async Task<Results<Ok, JsonHttpResult<Problem>>> WriteAsync(
        string key, HttpContext http, FolderLinks links, IObjectStore objects, CancellationToken ct)
    {
        if (links.Open(FolderLinks.Put, key, http.Request.Query) is not { Bytes: { } bytes } grant)
        {
            return Forbidden();
        }

        if (http.Request.ContentLength is not { } length)
        {
            return Refuse(StatusCodes.Status411LengthRequired, ErrorCode.InvalidInput, "The upload must say its size in Content-Length.");
        }

        if (length != bytes)
        {
            return Refuse(length > bytes ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest,
                length > bytes ? ErrorCode.PayloadTooLarge : ErrorCode.InvalidInput,
                $"This link is for exactly {bytes} bytes; the upload has {length}.");
        }

        if (http.Request.ContentType != grant.ContentType)
        {
            return Refuse(StatusCodes.Status400BadRequest, ErrorCode.InvalidInput, $"This link is for content of type {grant.ContentType}; the upload is {http.Request.ContentType ?? "of no type"}.");
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = bytes;
        }

        return await ((FolderObjectStore)objects).Files.WriteAsync(key, http.Request.Body, bytes, ct)
            ? TypedResults.Ok()
            : Refuse(StatusCodes.Status400BadRequest, ErrorCode.InvalidInput, $"The upload ended before its {bytes} bytes.");
    }

    /// <summary>One answer for every reason, so that nobody learns which part of a link was right.</summary>
    private static JsonHttpResult<Problem> Forbidden() =>
        Refuse(StatusCodes.Status403Forbidden, ErrorCode.Forbidden, "This link is not valid or has expired: ask for the job again to get a new one.");

    private static JsonHttpResult<Problem> Refuse(int status, string code, string detail) =>
        TypedResults.Json(
            new Problem { Title = "The storage link cannot be used", Status = status, Detail = detail, Code = code, Retryable = ErrorCode.IsRetryable(code) },
            I2VJson.Options,
            contentType: "application/problem+json",
            statusCode: status);
}
