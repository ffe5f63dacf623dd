using I2V.Protocol.Jobs;

namespace I2V.Gateway.Scheduling;

// This part: what people change while work goes on.
internal static partial class TransitionSql
{
    /// <summary>$1 job, $2 tenant. What follows in the transaction sees the job as it is now, and nobody changes it in between.</summary>
    public const string LockJob = "select state from jobs where id = $1 and tenant_id = $2 for no key update";

    /// <summary>$1 job, $2 tenant, $3 priority or null, $4 tags or null. A priority means something only while the job waits; tags always do.</summary>
    public const string Edit = """
        update jobs set priority = coalesce($3, priority), tags = coalesce($4, tags)
        where id = $1 and tenant_id = $2 and ($3 is null or state in ('queued', 'held'))
        """;

    /// <summary>$1 job, $2 tenant. Deadlines go on. The event is that of a place in the queue, and its status says that nobody takes the job.</summary>
    public const string Hold = $"""
        with changed as (
            update jobs j set state = 'held', status_reason = null, event_seq = j.event_seq + 1
            where j.id = $1 and j.tenant_id = $2 and j.state = 'queued'
            returning j as job),
        event as (
            insert into job_events select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Queued}') e)
        select count(*)::int from changed
        """;

    /// <summary>$1 job, $2 tenant. It keeps its age, and a wait before its next attempt that has not passed.</summary>
    public const string Unhold = $"""
        with changed as (
            update jobs j set state = 'queued', ticketed_at = clock_timestamp(),
                status_reason = case when j.available_at > clock_timestamp() then 'retrying' end,
                event_seq = j.event_seq + 1
            where j.id = $1 and j.tenant_id = $2 and j.state = 'held'
            returning j as job),
        event as (
            insert into job_events select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Queued}') e),
        ticket as (
            insert into outbox (lane, available_at) select (job).lane, (job).available_at from changed)
        select count(*)::int from changed
        """;

    /// <summary>Every claim holds it until it is committed, so that whoever pauses a lane waits for the claims that still saw it open.</summary>
    public const string ShareLanes = $"select pg_advisory_xact_lock_shared({LanesLock})";

    public const string OwnLanes = $"select pg_advisory_xact_lock({LanesLock})";

    /// <summary>$1 lane, which some worker serves or some job waits in: a name with a slip of the pen would pause nothing and look as if it did.</summary>
    public const string PauseLane = """
        insert into paused_lanes (lane)
        select $1
        where exists (select from workers w where w.state <> 'gone' and $1 = any(w.lanes))
            or exists (select from jobs j where j.state = 'queued' and j.lane = $1)
            or exists (select from jobs j where j.state in ('held', 'running') and j.lane = $1)
        on conflict (lane) do nothing
        """;

    /// <summary>
    /// $1 lane. Tickets that came while it was paused were of no use to anybody, so there are new ones: as many as workers, since each
    /// asks on after its job by itself.
    /// </summary>
    public const string ResumeLane = """
        with resumed as (
            delete from paused_lanes where lane = $1 returning lane),
        waiting as (
            select j.lane, j.available_at from resumed r join jobs j on j.lane = r.lane and j.state = 'queued'
            order by j.available_at
            limit (select greatest(1, count(*)) from workers w where w.state <> 'gone' and $1 = any(w.lanes))),
        ticket as (
            insert into outbox (lane, available_at) select lane, available_at from waiting)
        select count(*)::int from resumed
        """;

    /// <summary>$1 worker. It waits for a claim of this worker that is under way, which holds the row.</summary>
    public const string DrainWorker = """
        update workers set drain_requested_at = clock_timestamp()
        where id = $1 and state <> 'gone' and drain_requested_at is null
        """;

    /// <summary>$1 worker. A ticket for each of its lanes where something waits: those that it was handed meanwhile are used up.</summary>
    public const string ResumeWorker = """
        with resumed as (
            update workers set drain_requested_at = null
            where id = $1 and state <> 'gone' and drain_requested_at is not null
            returning lanes),
        ticket as (
            insert into outbox (lane)
            select lane from resumed cross join unnest(resumed.lanes) as lane
            where exists (select from jobs j where j.state = 'queued' and j.lane = lane.lane))
        select count(*)::int from resumed
        """;

    private const string LanesLock = "hashtextextended('i2v.paused_lanes', 0)";
}
