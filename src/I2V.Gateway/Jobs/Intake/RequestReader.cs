using I2V.Gateway.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Reads a submit in whichever form it came.</summary>
internal static class RequestReader
{
    /// <summary>20 MiB in base64, and room for the other fields.</summary>
    private const long MaxJsonBytes = (28L << 20) + (128 << 10);

    /// <summary>20 MiB, every text part at its limit, and their headers.</summary>
    private const long MaxFormBytes = 25L << 20;

    private const long Slack = 8L << 20;

    /// <param name="http">The call.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="imageRequired">False for a question that can do without the picture.</param>
    /// <returns>The request as far as it could be read; what is wrong is in <paramref name="errors"/>.</returns>
    /// <exception cref="RefusedException">Nothing could be read, or it is too large.</exception>
    public static async Task<JobRequest> ReadAsync(HttpContext http, ErrorList errors, bool imageRequired = true)
    {
        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type))
        {
            throw new RefusedException(Problems.ForStatus(StatusCodes.Status415UnsupportedMediaType));
        }

        var media = type.MediaType.Value;
        return media switch
        {
            "multipart/form-data" => await ReadFormAsync(http, type, errors, imageRequired),
            "application/json" => await ReadJsonAsync(http, errors, imageRequired),
            _ => throw new RefusedException(Problems.ForStatus(StatusCodes.Status415UnsupportedMediaType)),
        };
    }

    private static async Task<JobRequest> ReadFormAsync(HttpContext http, MediaTypeHeaderValue type, ErrorList errors, bool imageRequired)
    {
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        if (boundary is null or { Length: 0 or > 70 })
        {
            throw new RefusedException(Problems.Invalid("", "multipart/form-data needs a boundary of 1 to 70 characters."));
        }

        Limit(http, MaxFormBytes, FormReader.ImageTooLarge);
        var (root, image) = await new FormReader(errors).ReadAsync(http.Request.Body, boundary, http.RequestAborted);
        return new RequestBinder(errors, imageRequired).Bind(root, image);
    }

    private static async Task<JobRequest> ReadJsonAsync(HttpContext http, ErrorList errors, bool imageRequired)
    {
        const string tooLarge = "The body is larger than an image of 20 MiB in base64, the most that is taken.";
        Limit(http, MaxJsonBytes, tooLarge);
        var body = await BoundedBody.ReadAsync(http.Request.Body, MaxJsonBytes, tooLarge, http.RequestAborted);
        var root = StrictJson.Parse(body, errors) ?? throw errors.Refusal();
        return new RequestBinder(errors, imageRequired).Bind(root, imagePart: null);
    }

    /// <summary>
    /// Refuses a declared length before the first byte is read (a client that waits for 100 Continue then sends nothing),
    /// and lets the server cut off a body that declares none.
    /// </summary>
    private static void Limit(HttpContext http, long most, string tooLarge)
    {
        var refused = http.Request.ContentLength > most;
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            // After a refusal the server reads on for a few seconds, so that a client that is still sending gets the answer
            // instead of a reset. Its own limit cuts the connection, so it lies above ours.
            feature.MaxRequestBodySize = refused ? null : most + Slack;
        }

        if (refused)
        {
            throw new RefusedException(Problems.TooLarge(tooLarge));
        }
    }
}
