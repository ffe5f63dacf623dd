using System.Globalization;
using System.Text;
using System.Text.Json;
using I2V.Protocol;
using Microsoft.AspNetCore.Http.Features;

namespace I2V.Gateway.Events;

/// <summary>
/// Writes server-sent events. Ours instead of the framework's result, since a stream may turn out to be a 204 or a 404, wants the
/// header that keeps nginx from buffering, and pings by our clock.
/// </summary>
internal sealed class SseWriter(HttpResponse response)
{
    public async Task StartAsync(CancellationToken ct)
    {
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        response.HttpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await response.WriteAsync("retry: 3000\n\n", ct);
        await response.Body.FlushAsync(ct);
    }

    /// <param name="type">The <c>event:</c> line.</param>
    /// <param name="data">One line of JSON.</param>
    /// <param name="id">The <c>id:</c> line; null leaves what the client remembers.</param>
    /// <param name="ct">Ends the write.</param>
    public async Task WriteAsync<T>(string type, T data, long? id, CancellationToken ct)
    {
        var lines = new StringBuilder();
        if (id is { } number)
        {
            lines.Append(CultureInfo.InvariantCulture, $"id: {number}\n");
        }

        lines.Append(CultureInfo.InvariantCulture, $"event: {type}\ndata: ").Append(JsonSerializer.Serialize(data, I2VJson.Options)).Append("\n\n");
        await response.WriteAsync(lines.ToString(), ct);
        await response.Body.FlushAsync(ct);
    }
}
