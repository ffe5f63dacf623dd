using System.Globalization;
using I2V.Protocol.Jobs;
using Npgsql;

namespace I2V.Gateway.Jobs;

/// <summary>
/// Says where queued jobs stand, by the order in which workers take them from a lane (priority, then age) and by what recent jobs of
/// the model took. An estimate: fairness between tenants and warm models may change the order.
/// </summary>
internal sealed class QueueInfos(NpgsqlDataSource database)
{
    /// <summary>A worker that was not heard of for this long is not counted on.</summary>
    private const int AliveSeconds = 60;

    private static readonly string Sql = string.Create(CultureInfo.InvariantCulture, $$"""
        with wanted as materialized (
            select id, tenant_id, lane, model, available_at from jobs where id = any($1) and state = 'queued'),
        lanes as materialized (select distinct lane, model from wanted),
        ranked as (
            select id, row_number() over (partition by lane order by priority desc, created_at, id) as position
            from jobs where state = 'queued' and lane in (select lane from lanes)),
        load as materialized (
            select l.lane,
                (select count(*) from workers w where l.lane = any(w.lanes) and (
                    (w.state not in ('gone', 'draining') and w.last_seen_at > clock_timestamp() - interval '{{AliveSeconds}} s')
                    or exists (select 1 from jobs r where r.state = 'running' and r.lease_owner = w.id))) as workers,
                (select count(*) from jobs r where r.state = 'running' and r.lease_owner in
                    (select w.id from workers w where l.lane = any(w.lanes))) as running,
                pace.p50, pace.p90
            from lanes l
            cross join lateral (
                select percentile_cont(0.5) within group (order by seconds) as p50, percentile_cont(0.9) within group (order by seconds) as p90
                from (select extract(epoch from a.ended_at - a.started_at) as seconds
                      from job_attempts a join jobs j on j.id = a.job_id
                      where a.outcome = 'succeeded' and j.model = l.model and a.ended_at > clock_timestamp() - interval '1 day'
                      order by a.job_id desc limit 50) recent) pace)
        select w.id, r.position, l.workers, l.running, l.p50, l.p90,
            w.available_at > clock_timestamp() as waits_for_retry,
            (select count(*) from jobs x where x.tenant_id = w.tenant_id and x.state = 'running') >= t.max_running as at_cap
        from wanted w
        join ranked r using (id)
        join load l using (lane)
        join tenants t on t.id = w.tenant_id
        """);

    /// <summary>By job; jobs that are not queued (any more) are absent.</summary>
    public async Task<IReadOnlyDictionary<Guid, QueueInfo>> ReadAsync(IReadOnlyCollection<Guid> queued, CancellationToken ct)
    {
        var result = new Dictionary<Guid, QueueInfo>();
        if (queued.Count == 0)
        {
            return result;
        }

        await using var command = database.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. queued] });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            result[reader.GetGuid(0)] = Read(reader);
        }

        return result;
    }

    /// <summary>Seconds until the job starts when every worker takes <paramref name="seconds"/> per job.</summary>
    public static double Eta(long ahead, long workers, long running, double seconds)
    {
        var free = Math.Max(0, workers - running);
        if (ahead < free)
        {
            return 0;
        }

        // Busy workers are half way through on average; then whole rounds of the fleet follow.
        var rounds = (ahead - free) / (double)workers;
        return Math.Round((Math.Floor(rounds) + 0.5) * seconds, 1);
    }

    private static QueueInfo Read(NpgsqlDataReader reader)
    {
        var ahead = reader.GetInt64(1) - 1;
        var workers = reader.GetInt64(2);
        var running = reader.GetInt64(3);
        List<string> blocked = [];
        if (workers == 0)
        {
            blocked.Add("no_capable_worker");
        }

        if (reader.GetBoolean(6))
        {
            blocked.Add("retry_delay");
        }

        if (reader.GetBoolean(7))
        {
            blocked.Add("tenant_running_limit");
        }

        return new QueueInfo
        {
            Position = (int)ahead + 1,
            Ahead = (int)ahead,
            FeasibleWorkers = (int)workers,
            BlockedBy = blocked,
            EtaSeconds = workers == 0 || reader.IsDBNull(4)
                ? null
                : new QueueEta(Eta(ahead, workers, running, reader.GetDouble(4)), Eta(ahead, workers, running, reader.GetDouble(5))),
        };
    }
}
