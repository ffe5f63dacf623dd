using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.Gateway.Scheduling;

internal static partial class TransitionSql
{
    /// <summary>$1 worker, $2 free bytes, $3 warm model, $4 the host's free bytes. Locks the worker, so that two claims of one worker take turns. Returns the lanes that are open to it.</summary>
    public const string SeeWorker = """
        update workers set last_seen_at = clock_timestamp(),
            memory_free_bytes = coalesce($2, memory_free_bytes), warm_model = $3, host_free_bytes = coalesce($4, host_free_bytes)
        where id = $1 and state <> 'gone'
        returning open_lanes(workers)
        """;

    /// <summary>$1 worker, $2 lease seconds. The answer to its last claim was lost when no heartbeat followed it: it gets the same again.</summary>
    public const string RepeatClaim = $"""
        update jobs j set lease_expires_at = clock_timestamp() + make_interval(secs => $2)
        where j.lease_owner = $1 and j.state = 'running' and j.heartbeat_at is null
        returning {LeasedColumns}
        """;

    /// <summary>
    /// $1 worker. It asks for work though it worked on this job: it has forgotten it. The caller reaps in the same transaction.
    /// </summary>
    public const string LapseOwn = """
        update jobs set lease_expires_at = clock_timestamp() - interval '1 millisecond'
        where lease_owner = $1 and state = 'running' and heartbeat_at is not null
        returning id
        """;

    /// <summary>$1 lanes, $2 worker. The tenant whose turn it is: highest priority, then least running for its weight, then longest wait.</summary>
    public const string PickTenant = PickTenantOrWait + " skip locked";

    public const string PickTenantOrWait = $"""
        select t.id
        from tenants t
        cross join lateral (
            select count(*) as running from jobs r where r.tenant_id = t.id and r.state = 'running') load
        cross join lateral (
            select first.priority, first.created_at
            from unnest($1::text[]) as lanes (lane)
            cross join lateral (
                select j.priority, j.created_at from jobs j
                where j.tenant_id = t.id and j.lane = lanes.lane and {Claimable} and {Takeable}
                order by j.priority desc, j.created_at, j.id limit 1) first
            order by first.priority desc, first.created_at limit 1) head
        where load.running < t.max_running
        order by head.priority desc, load.running::float8 / t.weight, head.created_at
        limit 1
        for no key update of t
        """;

    /// <summary>
    /// $1 tenant, $2 worker, $3 lanes, $4 warm model, $5 lease seconds, $6 seconds of the warm window. The tenant is counted
    /// again, in a statement that began after its lock was taken: the one that took the lock saw an older count.
    /// </summary>
    public const string Claim = $"""
        with room as materialized (
            select t.id from tenants t
            where t.id = $1
                and (select count(*) from jobs r where r.tenant_id = t.id and r.state = 'running') < t.max_running),
        best as materialized (
            select head.id
            from room cross join unnest($3::text[]) as lanes (lane)
            cross join lateral (
                select j.id, j.priority, j.created_at, j.model from jobs j
                where j.tenant_id = room.id and j.lane = lanes.lane and {Claimable} and {Takeable}
                order by j.priority desc, j.created_at, j.id limit 1) head
            order by head.priority desc,
                head.created_at - case when head.model = $4 then make_interval(secs => $6) else interval '0' end, head.id
            limit 1),
        changed as (
            update jobs j set
                state = 'running', status_reason = null, attempt = j.attempt + 1,
                lease_token = gen_random_uuid(), lease_owner = $2,
                lease_expires_at = clock_timestamp() + make_interval(secs => $5), heartbeat_at = null,
                run_deadline_at = clock_timestamp() + make_interval(secs => j.run_timeout_seconds),
                started_at = coalesce(j.started_at, clock_timestamp()),
                progress = null, progress_event_at = null,
                event_seq = j.event_seq + 1
            from best where j.id = best.id and j.state = 'queued'
            returning j as job),
        attempt as (
            insert into job_attempts (job_id, attempt, worker_id, worker_name, device, lease_token)
            select (c.job).id, (c.job).attempt, w.id, w.name, w.device, (c.job).lease_token
            from changed c join workers w on w.id = $2),
        event as (
            insert into job_events select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Started}') e)
        select {LeasedColumns} from changed c cross join lateral (select (c.job).*) j
        """;

    /// <summary>$1 most rows, $2 seconds of the wait. Leases that lapsed; the second crash is the last.</summary>
    public const string Reap = $"""
        with next as materialized (
            select j.id, j.attempt, j.cancel_reason,
                case when {Overran} or j.crashes + 1 >= j.max_crashes then 'failed' else 'queued' end as state,
                j.failures, j.crashes + 1 as crashes, j.releases,
                $2 * (1 + random() / 2) as wait_seconds,
                'lost' as outcome,
                case when {Overran} then '{ErrorCode.RunTimeout}' else '{ErrorCode.WorkerLost}' end as error_code,
                case when {Overran} then format('The attempt took longer than the %s s that it may take.', j.run_timeout_seconds)
                    else 'The worker that ran the job fell silent.' end as error_message,
                not {Overran} as retryable
            from jobs j
            where j.state = 'running' and j.lease_expires_at < clock_timestamp()
            order by j.lease_expires_at
            limit $1
            for update skip locked),
        {EndAttempt}
        """;

    /// <summary>$1 most rows. Ends waiting jobs whose time is up, and asks for the end of running ones.</summary>
    public const string Expire = $"""
        with due as materialized (
            select j.id from jobs j
            where j.id in (
                select id from jobs
                where deadline_at is not null and deadline_at <= (select clock_timestamp())
                    and state in ('queued', 'held', 'running') and (state <> 'running' or cancel_requested_at is null)
                union all
                select id from jobs
                where start_deadline_at is not null and start_deadline_at <= (select clock_timestamp())
                    and started_at is null and state in ('queued', 'held'))
            limit $1
            for update skip locked),
        changed as (
            update jobs j set
                state = case when j.state = 'running' then 'running' else 'expired' end,
                status_reason = case when j.state = 'running' then 'canceling' end,
                cancel_requested_at = clock_timestamp(),
                cancel_reason = 'deadline',
                finished_at = case when j.state = 'running' then null else clock_timestamp() end,
                error_code = case when j.state = 'running' then null else '{ErrorCode.StartTimeout}' end,
                error_message = case
                    when j.state = 'running' then null
                    when j.deadline_at <= clock_timestamp() then 'The job''s deadline passed while it waited.'
                    else 'The job was not started within the time that it may wait.' end,
                event_seq = j.event_seq + 1
            from due
            -- Said again, because the row may have changed before it was locked.
            where j.id = due.id
                and ((j.state in ('queued', 'held')
                        and (j.deadline_at <= clock_timestamp() or (j.started_at is null and j.start_deadline_at <= clock_timestamp())))
                    or (j.state = 'running' and j.cancel_requested_at is null and j.deadline_at <= clock_timestamp()))
            returning j as job),
        event as (
            insert into job_events
            select e.* from changed c cross join lateral new_event(c.job,
                case when (c.job).state = 'running' then '{JobEventTypes.Canceling}' else '{JobEventTypes.Expired}' end,
                case when (c.job).state = 'expired' then jsonb_build_object(
                    'code', (c.job).error_code, 'message', (c.job).error_message, 'retryable', true) end) e)
        select (job).state, (job).status_reason, (job).id from changed
        """;

    /// <summary>
    /// $1 most rows, $2 seconds of silence after which a worker does not count. A job waits, a worker that can take it idles, and nothing has
    /// happened for a minute: the ticket must be lost, so there is a new one.
    /// </summary>
    public const string Reticket = """
        with stalled as materialized (
            select j.id
            from (
                select w.id, w.memory_total_bytes, lane from workers w cross join unnest(open_lanes(w)) as lane
                where w.state = 'idle' and w.last_seen_at > clock_timestamp() - make_interval(secs => $2)
                    and not exists (select from jobs r where r.lease_owner = w.id and r.state = 'running')) idle
            cross join lateral (
                select q.id from jobs q
                where q.state = 'queued' and q.lane = idle.lane and q.ticketed_at < (select clock_timestamp()) - interval '1 minute'
                    and q.available_at < clock_timestamp() - interval '1 minute'
                    and (q.needed_bytes is null or q.needed_bytes <= idle.memory_total_bytes)
                    and not exists (
                        select from job_refusals f join workers me on me.id = f.worker_id
                        where f.job_id = q.id and f.worker_id = idle.id and still_stands(f, me))
                order by q.ticketed_at
                limit $1
                for update skip locked) j),
        changed as (
            update jobs j set ticketed_at = clock_timestamp() from stalled where j.id = stalled.id returning j.lane)
        insert into outbox (lane) select lane from changed
        """;

    /// <summary>Takes turns with another registration for the same device.</summary>
    public const string LockDevice = "select pg_advisory_xact_lock(hashtextextended($1, 0))";

    public const string InsertWorker = """
        insert into workers (id, name, host, device_id, device, models, lanes, version, memory_free_bytes)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """;

    /// <summary>$1 device, $2 the worker that is there now. Its predecessors are gone and their leases lapse at once.</summary>
    public const string RetirePredecessors = """
        with gone as (
            update workers set state = 'gone' where device_id = $1 and id <> $2 and state <> 'gone' returning id)
        update jobs j set lease_expires_at = clock_timestamp() - interval '1 millisecond'
        from gone where j.lease_owner = gone.id and j.state = 'running'
        """;

    /// <summary>$1 worker.</summary>
    public const string RetireWorker = """
        with gone as (
            update workers set state = 'gone' where id = $1 and state <> 'gone' returning id)
        update jobs j set lease_expires_at = clock_timestamp() - interval '1 millisecond'
        from gone where j.lease_owner = gone.id and j.state = 'running'
        """;

    /// <summary>Forgets workers that left a week ago.</summary>
    public const string Prune = """
        delete from workers w
        where w.state = 'gone' and w.last_seen_at < clock_timestamp() - interval '7 days'
            and not exists (select from jobs j where j.lease_owner = w.id and j.state = 'running')
        """;

    private const string Overran = "(j.run_deadline_at < clock_timestamp())";

    private const string Claimable = """
        j.state = 'queued' and j.available_at <= clock_timestamp()
                and (j.deadline_at is null or j.deadline_at > clock_timestamp())
                and (j.start_deadline_at is null or j.started_at is not null or j.start_deadline_at > clock_timestamp())
        """;

    private const string LeasedColumns =
        "j.id, j.tenant_id, j.attempt, j.lease_token, j.spec, j.input_key, j.input_sha256, j.run_timeout_seconds, j.traceparent";
}
