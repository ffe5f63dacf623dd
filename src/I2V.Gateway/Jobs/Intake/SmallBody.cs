using System.Net.Mime;
using I2V.Gateway.Errors;
using Microsoft.Net.Http.Headers;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Reads the JSON object that a call other than a submit carries, as strictly as a submit.</summary>
internal static class SmallBody
{
    /// <summary>Sixteen tags at their limit in escapes, and room.</summary>
    private const int MaxBytes = 64 << 10;

    /// <param name="http">The call.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="isOptional">True when no body means an empty object.</param>
    /// <exception cref="RefusedException">It is no JSON object, too large, or of another type.</exception>
    public static async Task<Fields> ReadAsync(HttpContext http, ErrorList errors, bool isOptional)
    {
        var body = await BoundedBody.ReadAsync(
            http.Request.Body, MaxBytes, "The body is larger than 64 KiB, the most that this address takes.", http.RequestAborted);
        if (isOptional && body.IsEmpty)
        {
            return new Fields(new RawObject(""), errors);
        }

        if (!MediaTypeHeaderValue.TryParse(http.Request.ContentType, out var type)
            || !type.MediaType.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase))
        {
            throw new RefusedException(Problems.ForStatus(StatusCodes.Status415UnsupportedMediaType));
        }

        return new Fields(StrictJson.Parse(body, errors) ?? throw errors.Refusal(), errors);
    }
}
