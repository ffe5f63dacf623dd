using I2V.Protocol.Jobs;

namespace I2V.Gateway.Scheduling;

// This part: jobs that do not fit a card, or fit it worse than planned.
internal static partial class TransitionSql
{
    /// <summary>
    /// $1 job, $2 attempt, $3 token, $4 code, $5 needed bytes, $6 free bytes, $7 message. Costs the job nothing: the worker does not
    /// get it again before something has changed.
    /// </summary>
    public const string Refuse = $"""
        with next as materialized (
            select j.id, j.attempt, j.cancel_reason, j.lease_owner,
                'queued' as state, j.failures, j.crashes, j.releases, 0::float8 as wait_seconds,
                'refused' as outcome, $4::text as error_code, $7::text as error_message, true as retryable
            from jobs j
            where j.id = $1 and j.attempt = $2 and j.lease_token = $3 and j.state = 'running'
            for update),
        refusal as (
            insert into job_refusals as r
                (job_id, worker_id, worker_name, attempt, code, needed_bytes, free_bytes, seen_free_bytes)
            select n.id, w.id, w.name, n.attempt, $4, $5, $6, free_memory(w, $4)
            from next n join workers w on w.id = n.lease_owner
            on conflict (job_id, worker_id) do update set attempt = excluded.attempt, code = excluded.code,
                needed_bytes = excluded.needed_bytes, free_bytes = excluded.free_bytes,
                seen_free_bytes = excluded.seen_free_bytes, at = clock_timestamp()),
        {EndAttempt}
        """;

    /// <summary>
    /// $1 job, $2 attempt, $3 token, $4 rung, $5 applied or null, $6 what is lost (none or one), $7 the event's details, $8 all
    /// degradations or null. A step that was told before is known by the row, so that a repetition changes nothing. Returns whether
    /// this call changed it; no row when the lease is gone.
    /// </summary>
    public const string Degrade = $"""
        with held as materialized (
            select j.id, (j.applied ->> 'rung') is distinct from $4 or not j.degradations @> $6::jsonb as is_new
            from jobs j
            where j.id = $1 and j.attempt = $2 and j.lease_token = $3 and j.state = 'running'
            for update),
        changed as (
            update jobs j set
                applied = coalesce($5::jsonb, j.applied, j.spec -> 'settings') || jsonb_build_object('rung', $4::text),
                degradations = case
                    when coalesce($8::jsonb, j.degradations) @> $6::jsonb then coalesce($8::jsonb, j.degradations)
                    else coalesce($8::jsonb, j.degradations) || $6::jsonb end,
                event_seq = j.event_seq + 1
            from held where j.id = held.id and held.is_new
            returning j as job),
        event as (
            insert into job_events
            select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Degraded}', null, $7::jsonb) e)
        select is_new from held
        """;

    /// <summary>$1 job, $2 attempt that was seen, $3 code, $4 message. Nobody who is there can take it and it may not wait.</summary>
    public const string FailUnfit = $"""
        with changed as (
            update jobs j set
                state = 'failed', status_reason = null, finished_at = clock_timestamp(),
                error_code = $3, error_message = left($4, 4000), event_seq = j.event_seq + 1
            where j.id = $1 and j.attempt = $2 and j.state = 'queued'
            returning j as job),
        event as (
            insert into job_events select e.* from changed c cross join lateral new_event(c.job, '{JobEventTypes.Failed}',
                jsonb_build_object('code', (c.job).error_code, 'message', (c.job).error_message, 'retryable', false)) e)
        select count(*)::int from changed
        """;

    /// <summary>$1 job, $2 lane, $3 needed bytes. Who may take it follows from who is there.</summary>
    public const string Rebind = """
        with changed as (
            update jobs j set lane = $2, needed_bytes = $3, ticketed_at = clock_timestamp()
            where j.id = $1 and j.state = 'queued' and (j.lane, j.needed_bytes) is distinct from ($2::text, $3::bigint)
            returning j.lane, j.available_at),
        ticket as (
            insert into outbox (lane, available_at) select lane, available_at from changed)
        select count(*)::int from changed
        """;

    /// <summary>$2 worker. Its card is large enough, and it has not refused the job for a reason that still stands.</summary>
    private const string Takeable = """
        (j.needed_bytes is null or j.needed_bytes <= (select me.memory_total_bytes from workers me where me.id = $2))
                and not exists (
                    select from job_refusals f join workers me on me.id = f.worker_id
                    where f.job_id = j.id and f.worker_id = $2 and still_stands(f, me))
        """;
}
