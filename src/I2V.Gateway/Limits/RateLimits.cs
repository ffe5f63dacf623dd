using System.Collections.Concurrent;
using I2V.Gateway.Scheduling;
using Npgsql;

namespace I2V.Gateway.Limits;

/// <summary>
/// Counts requests of tenants and keys in PostgreSQL, so that a limit holds across all gateways: one row each, whose minute begins
/// with the first request and is followed by the next one's. Who is over the limit is refused from memory until the minute ends.
/// </summary>
internal sealed class RateLimits(NpgsqlDataSource database, TimeProvider clock)
{
    private const int MostRemembered = 10_000;

    /// <summary>
    /// $1 subject, $2 limit. Returns the number of this request in the minute, at most one above the limit, and the seconds that the
    /// minute still lasts. The row's lock makes concurrent requests take turns, so that no number is given twice.
    /// </summary>
    private const string Count = """
        insert into rate_windows as w (subject, started_at, used) values ($1, clock_timestamp(), 1)
        on conflict (subject) do update set
            started_at = case when w.started_at <= clock_timestamp() - interval '1 minute' then clock_timestamp() else w.started_at end,
            used = case when w.started_at <= clock_timestamp() - interval '1 minute' then 1 else least(w.used, $2) + 1 end
        returning used, extract(epoch from started_at + interval '1 minute' - clock_timestamp())::float8
        """;

    private readonly ConcurrentDictionary<Guid, Refused> refused = new();

    /// <summary>Counts a request.</summary>
    /// <param name="subject">A tenant or a key.</param>
    /// <param name="limit">Requests that it may make in a minute.</param>
    /// <param name="ct">Stops the question, not the count.</param>
    public async Task<RateQuota> TakeAsync(Guid subject, int limit, CancellationToken ct)
    {
        if (refused.TryGetValue(subject, out var known))
        {
            var left = known.Rest - clock.GetElapsedTime(known.At);
            if (left > TimeSpan.Zero && known.Limit == limit)
            {
                return new RateQuota(limit, Remaining: 0, left, IsExceeded: true);
            }

            refused.TryRemove(subject, out _);
        }

        await using var command = database.CreateCommand(Count);
        command.Parameters.Uuid(subject).Int(limit);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var used = reader.GetInt32(0);
        var rest = TimeSpan.FromSeconds(Math.Clamp(reader.GetDouble(1), 0, 60));
        if (used <= limit)
        {
            return new RateQuota(limit, limit - used, rest, IsExceeded: false);
        }

        Remember(subject, new Refused(limit, clock.GetTimestamp(), rest));
        return new RateQuota(limit, Remaining: 0, rest, IsExceeded: true);
    }

    private void Remember(Guid subject, Refused refusal)
    {
        if (refused.Count >= MostRemembered)
        {
            refused.Clear();
        }

        refused[subject] = refusal;
    }

    private sealed record Refused(int Limit, long At, TimeSpan Rest);
}

/// <param name="Limit">Requests a minute.</param>
/// <param name="Remaining">What is left of them.</param>
/// <param name="Rest">How long the minute still lasts.</param>
/// <param name="IsExceeded">Whether this request is one too many.</param>
internal sealed record RateQuota(int Limit, int Remaining, TimeSpan Rest, bool IsExceeded);
