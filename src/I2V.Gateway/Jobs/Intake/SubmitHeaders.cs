using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using I2V.Gateway.Errors;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>The headers that change what a submit does.</summary>
/// <param name="Wait">From <c>Prefer: wait=N</c>.</param>
/// <param name="IdempotencyKey">Without its quotes.</param>
/// <param name="CancelAfter">From <c>Cancel-After</c>: the whole job's time.</param>
/// <param name="StartTimeout">From <c>X-Start-Timeout</c>.</param>
/// <param name="Traceparent">The trace that the job belongs to.</param>
internal sealed partial record SubmitHeaders(TimeSpan? Wait, string? IdempotencyKey, TimeSpan? CancelAfter, TimeSpan? StartTimeout, string? Traceparent)
{
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan MaxDuration = TimeSpan.FromDays(7);

    /// <exception cref="RefusedException">A header is not what it should be.</exception>
    public static SubmitHeaders Read(HttpRequest request) => new(
        ReadWait(request),
        ReadKey(request),
        ReadDuration(request, "Cancel-After"),
        ReadDuration(request, "X-Start-Timeout"),
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null);

    /// <summary>Seconds as a number, or with ms, s, m, h or d behind it.</summary>
    public static TimeSpan? ParseDuration(string text)
    {
        if (DurationShape().Match(text.Trim()) is not { Success: true } match
            || !int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        return match.Groups[2].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "m" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            "d" => TimeSpan.FromDays(Math.Min(number, 1_000_000)),
            _ => TimeSpan.FromSeconds(number),
        };
    }

    private static TimeSpan? ReadWait(HttpRequest request)
    {
        var preferences = request.Headers["Prefer"].SelectMany(line => (line ?? "").Split([',', ';'], StringSplitOptions.TrimEntries));
        foreach (var preference in preferences)
        {
            if (preference.Split('=', 2, StringSplitOptions.TrimEntries) is not [var name, var value] || !name.Equals("wait", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            return int.TryParse(value.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= MaxWait.TotalSeconds
                ? TimeSpan.FromSeconds(seconds)
                : throw Refuse("Prefer", "wait takes 0 to 60 seconds, such as Prefer: wait=30.");
        }

        return null;
    }

    private static string? ReadKey(HttpRequest request)
    {
        if (request.Headers["Idempotency-Key"] is not [var raw, ..] || raw is null)
        {
            return null;
        }

        var key = raw.Trim();
        if (key is ['"', .., '"'] and { Length: >= 2 })
        {
            key = key[1..^1];
        }

        return key.Length is >= 1 and <= 255 && key.All(c => c is >= ' ' and <= '~') && request.Headers["Idempotency-Key"].Count == 1
            ? key
            : throw Refuse("Idempotency-Key", "must be one key of 1 to 255 printable ASCII characters, quoted or bare.");
    }

    private static TimeSpan? ReadDuration(HttpRequest request, string name)
    {
        if (request.Headers[name] is not [var raw, ..] || raw is null)
        {
            return null;
        }

        return ParseDuration(raw) is { } duration && duration >= TimeSpan.FromSeconds(1) && duration <= MaxDuration
            ? duration
            : throw Refuse(name, "takes one second to seven days, such as 120 (seconds), 90s, 10m or 2h.");
    }

    private static RefusedException Refuse(string header, string why) => new(Problems.Invalid("", $"The header {header}: {why}"));

    [GeneratedRegex(@"^([0-9]{1,9})(ms|s|m|h|d)?\z")]
    private static partial Regex DurationShape();
}
