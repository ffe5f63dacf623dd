using System.Globalization;
using I2V.Gateway.Fit;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using Npgsql;

namespace I2V.Gateway.Jobs;

/// <summary>
/// Says where queued jobs stand, by the order in which workers take them from a lane (priority, then age) and by what recent jobs of
/// the model took. An estimate: fairness between tenants and warm models may change the order.
/// </summary>
internal sealed class QueueInfos(NpgsqlDataSource database, Fleet fleet, FitCases cases)
{
    public const string NoCapableWorker = "no_capable_worker";
    public const string LanePaused = "lane_paused";

    /// <summary>A worker that was not heard of for this long is not counted on.</summary>
    private const int AliveSeconds = 60;

    /// <summary>From <c>lanes (lane, model)</c>: who serves them and how long their jobs take.</summary>
    private static readonly string Load = string.Create(CultureInfo.InvariantCulture, $$"""
            select l.lane,
                (select count(*) from workers w where l.lane = any(w.lanes) and (
                    (w.state not in ('gone', 'draining') and w.drain_requested_at is null and w.last_seen_at > clock_timestamp() - interval '{{AliveSeconds}} s')
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
                      order by a.job_id desc limit 50) recent) pace
        """);

    private static readonly string Waiting = $"""
        with wanted as materialized (
            select id, tenant_id, lane, model, available_at from jobs where id = any($1) and state = 'queued'),
        lanes as materialized (select distinct lane, model from wanted),
        ranked as (
            select id, row_number() over (partition by lane order by priority desc, created_at, id) as position
            from jobs where state = 'queued' and lane in (select lane from lanes)),
        load as materialized (
        {Load})
        select r.position - 1, l.workers, l.running, l.p50, l.p90,
            w.available_at > clock_timestamp() as waits_for_retry,
            (select count(*) from jobs x where x.tenant_id = w.tenant_id and x.state = 'running') >= t.max_running as at_cap,
            exists (select from paused_lanes p where p.lane = w.lane) as paused, w.id
        from wanted w
        join ranked r using (id)
        join load l using (lane)
        join tenants t on t.id = w.tenant_id
        """;

    /// <summary>$1 tenant, $2 lane, $3 model, $4 priority.</summary>
    private static readonly string Next = $"""
        with lanes as materialized (select $2::text as lane, $3::text as model),
        load as materialized (
        {Load})
        select (select count(*) from jobs j where j.state = 'queued' and j.lane = $2 and j.priority >= $4),
            l.workers, l.running, l.p50, l.p90, false,
            (select count(*) from jobs x where x.tenant_id = t.id and x.state = 'running') >= t.max_running,
            exists (select from paused_lanes p where p.lane = $2)
        from load l cross join tenants t where t.id = $1
        """;

    /// <summary>By job; jobs that are not queued (any more) are absent.</summary>
    public async Task<IReadOnlyDictionary<Guid, QueueInfo>> ReadAsync(IReadOnlyCollection<Guid> queued, CancellationToken ct)
    {
        var result = new Dictionary<Guid, QueueInfo>();
        if (queued.Count == 0)
        {
            return result;
        }

        var workers = await fleet.ReadAsync(ct);
        var opinions = (await cases.ReadAsync(queued, ct)).ToDictionary(job => job.Id, job => FitJudge.Judge(workers, job.Case));
        await using var command = database.CreateCommand(Waiting);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. queued] });
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var id = reader.GetGuid(8);
            if (opinions.TryGetValue(id, out var opinion))
            {
                result[id] = Read(reader, opinion, usualSeconds: null);
            }
        }

        return result;
    }

    /// <summary>Where a job would stand if it were submitted now.</summary>
    /// <param name="tenant">Whose it would be.</param>
    /// <param name="job">What it would be.</param>
    /// <param name="priority">−10 … 10.</param>
    /// <param name="opinion">Who could take it.</param>
    /// <param name="usualSeconds">What a job takes, for a model that has made none of late; null when unknown.</param>
    /// <param name="ct">Stops the reading.</param>
    public async Task<QueueInfo> ForecastAsync(
        Guid tenant, FitCase job, int priority, FitOpinion opinion, double? usualSeconds, CancellationToken ct)
    {
        await using var command = database.CreateCommand(Next);
        command.Parameters.Uuid(tenant).Text(job.Lane).Text(job.Model).Int(priority);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return Read(reader, opinion, usualSeconds);
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

    private static QueueInfo Read(NpgsqlDataReader reader, FitOpinion opinion, double? usualSeconds)
    {
        var ahead = reader.GetInt64(0);
        var workers = reader.GetInt64(1);
        var running = reader.GetInt64(2);
        List<string> blocked = [];
        if (opinion.Able.Count == 0)
        {
            blocked.Add(NoCapableWorker);
        }

        if (reader.GetBoolean(5))
        {
            blocked.Add("retry_delay");
        }

        if (reader.GetBoolean(6))
        {
            blocked.Add("tenant_running_limit");
        }

        var isPaused = reader.GetBoolean(7);
        if (isPaused)
        {
            blocked.Add(LanePaused);
        }

        blocked.AddRange(FitJudge.Sentences(opinion.WhyNot));
        var (p50, p90) = reader.IsDBNull(3) ? (usualSeconds, usualSeconds) : (reader.GetDouble(3), reader.GetDouble(4));
        return new QueueInfo
        {
            Position = (int)ahead + 1,
            Ahead = (int)ahead,
            FeasibleWorkers = opinion.Able.Count,
            BlockedBy = blocked,
            EtaSeconds = !isPaused && opinion.Able.Count > 0 && workers > 0 && p50 is { } half && p90 is { } most
                ? new QueueEta(Eta(ahead, workers, running, half), Eta(ahead, workers, running, most))
                : null,
        };
    }
}
