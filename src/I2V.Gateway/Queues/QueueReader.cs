using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Queues;

/// <summary>Counts what each lane holds. Ages are told by Postgres' clock.</summary>
internal sealed class QueueReader(NpgsqlDataSource database, IOptions<SchedulingOptions> options)
{
    /// <summary>$1 lane or null for all, $2 seconds of silence after which a worker does not count.</summary>
    private const string Lanes = """
        with waiting as materialized (
            select lane, count(*) as depth, extract(epoch from clock_timestamp() - min(created_at))::float8 as oldest
            from jobs where state = 'queued' and ($1 is null or lane = $1) group by lane),
        held as materialized (
            select lane, count(*) as held from jobs where state = 'held' group by lane),
        running as materialized (
            select lane, count(*) as running from jobs where state = 'running' group by lane),
        served as materialized (
            select lane, count(*) filter (where w.state <> 'draining' and w.drain_requested_at is null
                and (w.last_seen_at > clock_timestamp() - make_interval(secs => $2)
                    or exists (select from jobs r where r.lease_owner = w.id and r.state = 'running'))) as workers
            from workers w cross join unnest(w.lanes) as lane where w.state <> 'gone' group by lane),
        known as (
            select lane from waiting union select lane from held union select lane from running
            union select lane from served union select lane from paused_lanes)
        select k.lane, coalesce(q.depth, 0), round(q.oldest::numeric, 3)::float8, coalesce(h.held, 0), coalesce(r.running, 0),
            coalesce(s.workers, 0), p.paused_at
        from known k
        left join waiting q using (lane)
        left join held h using (lane)
        left join running r using (lane)
        left join served s using (lane)
        left join paused_lanes p using (lane)
        where $1 is null or k.lane = $1
        order by k.lane
        """;

    /// <summary>Every lane that a worker serves, a job is in or somebody has paused, by name.</summary>
    public Task<List<QueueObject>> ListAsync(CancellationToken ct) => ReadAsync(lane: null, ct);

    public async Task<QueueObject?> FindAsync(string lane, CancellationToken ct) => (await ReadAsync(lane, ct)).SingleOrDefault();

    private async Task<List<QueueObject>> ReadAsync(string? lane, CancellationToken ct)
    {
        await using var command = database.CreateCommand(Lanes);
        command.Parameters.Text(lane).Seconds(options.Value.WorkerSilenceSeconds);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var queues = new List<QueueObject>();
        while (await reader.ReadAsync(ct))
        {
            var isPaused = !reader.IsDBNull(6);
            queues.Add(new QueueObject
            {
                Lane = reader.GetString(0),
                Depth = reader.GetInt64(1),
                OldestSeconds = reader.IsDBNull(2) ? null : reader.GetDouble(2),
                Held = reader.GetInt64(3),
                Running = reader.GetInt64(4),
                Workers = reader.GetInt64(5),
                Paused = isPaused,
                PausedAt = isPaused ? reader.GetFieldValue<DateTimeOffset>(6) : null,
            });
        }

        return queues;
    }
}
