using I2V.Gateway.Retention;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// Every statement that changes a job. Each writes the event, and the ticket where one is due, in the statement that changes
/// the row. Only Postgres' clock counts; <c>(select clock_timestamp())</c> is the same clock, read once, so that an index
/// can be used. Sweeps and claims are in the other half of the class.
/// </summary>
internal static partial class TransitionSql
{
    /// <summary>$1 job, $2 tenant, $3 key or null, $4 request hash; the rest are the job's columns. Returns 1, or 0 for a key seen before.</summary>
    public const string Submit = $"""
        with key as (
            -- A concurrent duplicate waits here for the first; a key of yesterday starts anew.
            insert into idempotency_keys (tenant_id, key, request_hash, job_id, expires_at)
            select $2, $3, $4, $1, clock_timestamp() + interval '24 hours' where $3 is not null
            on conflict (tenant_id, key) do update set request_hash = excluded.request_hash, job_id = excluded.job_id,
                created_at = clock_timestamp(), expires_at = excluded.expires_at
            where idempotency_keys.expires_at <= clock_timestamp()
            returning job_id),
        inserted as (
            insert into jobs as j (id, tenant_id, model, lane, priority, requested, spec, warnings, tags, output_expires_in,
                input_key, input_sha256, input_width, input_height, input_bytes, run_timeout_seconds,
                deadline_at, start_deadline_at, batch_id, retry_of, traceparent, needed_bytes, webhook)
            select $1, $2, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                clock_timestamp() + $19::interval, clock_timestamp() + $20::interval, $21, $22, $23, $24, $25
            where $3 is null or exists (select from key)
            returning j as job),
        event as (
            insert into job_events select e.* from inserted i cross join new_event(i.job, '{JobEventTypes.Queued}') e),
        ticket as (
            insert into outbox (lane) select (job).lane from inserted)
        select count(*)::int from inserted
        """;

    public const string FindIdempotencyKey =
        "select job_id, request_hash from idempotency_keys where tenant_id = $1 and key = $2 and expires_at > clock_timestamp()";

    public const string CountQueued = """
        select t.max_queued, (select count(*) from jobs j where j.tenant_id = t.id and j.state = 'queued')::int
            + (select count(*) from jobs j where j.tenant_id = t.id and j.state = 'held')::int
        from tenants t where t.id = $1
        """;

    /// <summary>Makes submits of one tenant take turns while its queue is nearly full.</summary>
    public const string LockTenant = "select id from tenants where id = $1 for no key update";

    /// <summary>
    /// $1 job, $2 tenant. Returns whether a worker must be told; no row when nothing changed. It decides by the row that it
    /// updates and not by one that it locked before: CHECKs are tried on the old version of a row that changed meanwhile,
    /// which must be consistent too.
    /// </summary>
    public const string Cancel = $"""
        with changed as (
            update jobs j set
                state = case when j.state = 'running' then 'running' else 'canceled' end,
                status_reason = case when j.state = 'running' then 'canceling' end,
                cancel_requested_at = clock_timestamp(),
                cancel_reason = 'user',
                finished_at = case when j.state = 'running' then null else clock_timestamp() end,
                event_seq = j.event_seq + 1
            where j.id = $1 and j.tenant_id = $2
                and (j.state in ('queued', 'held') or (j.state = 'running' and j.cancel_requested_at is null))
            returning j as job),
        event as (
            insert into job_events select e.* from changed c cross join lateral new_event(c.job,
                case when (c.job).state = 'running' then '{JobEventTypes.Canceling}' else '{JobEventTypes.Canceled}' end) e)
        select (job).state = 'running' from changed
        """;

    /// <summary>$1 job, $2 tenant.</summary>
    public const string FindState = "select state from jobs where id = $1 and tenant_id = $2";

    /// <summary>$1 job, $2 tenant. Its objects are doomed with it: what a worker still uploads with an old link goes too.</summary>
    public const string Delete = $"""
        with gone as (
            delete from jobs where id = $1 and tenant_id = $2 returning id, tenant_id)
        {RetentionSql.DoomGone}
        """;

    /// <summary>$1 job, $2 attempt, $3 token, $4 seconds that its upload links last. No row: the lease is gone.</summary>
    public const string BeginUpload = """
        update job_attempts set uploads_expire_at = clock_timestamp() + make_interval(secs => $4)
        where job_id = $1 and attempt = $2 and lease_token = $3 and ended_at is null
        """;

    /// <summary>$1 job, $2 attempt, $3 token, $4 lease seconds, $5 progress or null, $6 applied and $7 degradations of the plan or null. No row: the lease is gone.</summary>
    public const string Heartbeat = $"""
        with beat as materialized (
            -- Progress becomes an event when the phase changes, else when it moved and a quarter of a second has passed.
            select j.id, j.lease_owner,
                $5::jsonb is not null
                and ($5::jsonb - 'updated_at') is distinct from (j.progress - 'updated_at')
                and ((j.progress ->> 'phase') is distinct from ($5::jsonb ->> 'phase')
                    or j.progress_event_at is null
                    or j.progress_event_at <= clock_timestamp() - interval '250 milliseconds') as tell
            from jobs j
            where j.id = $1 and j.attempt = $2 and j.lease_token = $3 and j.state = 'running'
            for update),
        changed as (
            update jobs j set
                -- The lease cannot outlive the time that the attempt may take: then the reaper ends it.
                lease_expires_at = least(clock_timestamp(), j.run_deadline_at) + make_interval(secs => $4),
                heartbeat_at = clock_timestamp(),
                progress = case when $5::jsonb is null then j.progress
                    else $5::jsonb || jsonb_build_object('updated_at', clock_timestamp()) end,
                progress_event_at = case when beat.tell then clock_timestamp() else j.progress_event_at end,
                applied = coalesce(j.applied, $6),
                degradations = case when j.applied is null then coalesce($7, j.degradations) else j.degradations end,
                event_seq = j.event_seq + beat.tell::int
            from beat where j.id = beat.id
            returning j as job, beat.tell, beat.lease_owner),
        seen as (
            update workers w set last_seen_at = clock_timestamp() from changed c
            where w.id = c.lease_owner and w.last_seen_at < clock_timestamp() - interval '5 seconds'),
        event as (
            insert into job_events
            select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Progress}') e where c.tell)
        select (job).tenant_id, (job).cancel_requested_at is not null, tell,
            exists (select from workers w where w.id = changed.lease_owner and w.drain_requested_at is not null)
        from changed
        """;

    /// <summary>
    /// $1 job, $2 attempt, $3 token, $4 outputs, $5 video's SHA-256, $6 applied, $7 degradations, $8 warnings, $9 metrics.
    /// A cancel that came before loses: the film is there.
    /// </summary>
    public const string Complete = $"""
        with changed as (
            update jobs j set
                state = 'succeeded', status_reason = null, finished_at = clock_timestamp(), {ClearLease},
                outputs = $4, result_sha256 = $5, result_attempt = j.attempt,
                applied = $6, degradations = $7, warnings = j.warnings || $8,
                metrics = coalesce($9::jsonb, '{EmptyObject}')
                    || jsonb_build_object('queue_seconds', round(extract(epoch from j.started_at - j.created_at), 3)),
                progress = j.progress || jsonb_build_object('percent', 100, 'eta_seconds', 0),
                event_seq = j.event_seq + 1
            where j.id = $1 and j.attempt = $2 and j.lease_token = $3 and j.state = 'running'
            returning j as job),
        attempt as (
            update job_attempts a set ended_at = clock_timestamp(), outcome = 'succeeded', ended_state = 'succeeded',
                progress = (c.job).progress
            from changed c where a.job_id = (c.job).id and a.attempt = (c.job).attempt),
        event as (
            insert into job_events select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Succeeded}') e)
        select (job).state, (job).status_reason from changed
        """;

    /// <summary>$1 job, $2 attempt, $3 token, $4 SHA-256. A row when exactly this was said before and believed.</summary>
    public const string FindCompleted = """
        select a.ended_state, a.ended_reason from job_attempts a join jobs j on j.id = a.job_id
        where a.job_id = $1 and a.attempt = $2 and a.lease_token = $3 and a.outcome = 'succeeded' and j.result_sha256 = $4
        """;

    /// <summary>$1 job, $2 attempt, $3 token, $4 code, $5 message, $6 retryable, $7 seconds of the first wait.</summary>
    public const string Fail = $"""
        with next as materialized (
            select j.id, j.attempt, j.cancel_reason,
                case when $6 and j.failures + 1 < j.max_failures then 'queued' else 'failed' end as state,
                j.failures + 1 as failures, j.crashes, j.releases,
                least(300, $7 * 2 ^ j.failures) * (0.5 + random() / 2) as wait_seconds,
                'failed' as outcome, $4::text as error_code, $5::text as error_message, $6::bool as retryable
            from jobs j
            where j.id = $1 and j.attempt = $2 and j.lease_token = $3 and j.state = 'running'
            for update),
        {EndAttempt}
        """;

    /// <summary>$1 job, $2 attempt, $3 token, $4 reason. Costs the job nothing until it was given back twenty times.</summary>
    public const string Release = $"""
        with next as materialized (
            select j.id, j.attempt, j.cancel_reason,
                case when j.releases + 1 < j.max_releases then 'queued' else 'failed' end as state,
                j.failures, j.crashes, j.releases + 1 as releases,
                0::float8 as wait_seconds,
                'released' as outcome, '{ErrorCode.WorkerLost}' as error_code, $4::text as error_message, true as retryable
            from jobs j
            where j.id = $1 and j.attempt = $2 and j.lease_token = $3 and j.state = 'running'
            for update),
        {EndAttempt}
        """;

    /// <summary>$1 job, $2 attempt, $3 token, $4 outcome, $5 code. A row when exactly this was said before and believed.</summary>
    public const string FindEnded = """
        select ended_state, ended_reason from job_attempts
        where job_id = $1 and attempt = $2 and lease_token = $3 and outcome = $4 and error_code = $5
        """;

    private const string EmptyObject = "{}";

    private const string ClearLease =
        "lease_token = null, lease_owner = null, lease_expires_at = null, run_deadline_at = null, heartbeat_at = null";

    /// <summary>
    /// Ends attempts that brought no film, however they ended: <c>next</c> says what would become of each job, and a cancel
    /// or a deadline that is under way wins over it.
    /// </summary>
    private const string EndAttempt = $"""
        decided as materialized (
            select n.*, case n.cancel_reason when 'user' then 'canceled' when 'deadline' then 'expired' else n.state end as final
            from next n),
        changed as (
            update jobs j set
                state = d.final,
                status_reason = case when d.final = 'queued' and d.outcome <> 'refused' then 'retrying' end,
                failures = d.failures, crashes = d.crashes, releases = d.releases, {ClearLease},
                progress = case when d.final = 'queued' then null else j.progress end,
                -- The next attempt plans anew.
                applied = case when d.final = 'queued' then null else j.applied end,
                degradations = case when d.final = 'queued' then '[]' else j.degradations end,
                available_at = case when d.final = 'queued'
                    then clock_timestamp() + make_interval(secs => d.wait_seconds) else j.available_at end,
                ticketed_at = case when d.final = 'queued' then clock_timestamp() else j.ticketed_at end,
                finished_at = case when d.final = 'queued' then null else clock_timestamp() end,
                error_code = case d.final when 'failed' then d.error_code when 'expired' then '{ErrorCode.RunTimeout}' end,
                error_message = case d.final when 'failed' then left(d.error_message, 4000)
                    when 'expired' then 'The job''s deadline passed while it ran.' end,
                event_seq = j.event_seq + 1
            from decided d where j.id = d.id and j.state = 'running'
            returning j as job, d.attempt, d.final, d.outcome, d.error_code, d.error_message, d.retryable),
        attempt as (
            update job_attempts a set ended_at = clock_timestamp(), outcome = c.outcome, ended_state = c.final,
                ended_reason = (c.job).status_reason, error_code = c.error_code, error_message = left(c.error_message, 4000)
            from changed c where a.job_id = (c.job).id and a.attempt = c.attempt),
        event as (
            insert into job_events
            select e.* from changed c cross join lateral new_event(c.job,
                case c.final when 'queued' then '{JobEventTypes.Retrying}' else 'job.' || c.final end,
                case when c.final <> 'canceled' then jsonb_build_object(
                    'code', coalesce((c.job).error_code, c.error_code),
                    'message', coalesce((c.job).error_message, c.error_message),
                    'retryable', c.retryable) end) e),
        ticket as (
            insert into outbox (lane, available_at)
            select (job).lane, (job).available_at from changed where final = 'queued')
        select (job).state, (job).status_reason, (job).id from changed
        """;
}
