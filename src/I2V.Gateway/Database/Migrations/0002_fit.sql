-- What a job needs of a card, who could not take it, and what an attempt became on its way down the ladder.

alter table workers
    add column memory_total_bytes bigint generated always as ((device ->> 'memory_total_bytes')::bigint) stored,
    add column host_free_bytes bigint;

-- The least that the whole process needs for a job that may not be degraded, as far as workers' tables tell.
alter table jobs add column needed_bytes bigint check (needed_bytes > 0);

-- Jobs whose lane and whose hope follow from who is there.
create index jobs_strict on jobs (id) where state = 'queued' and spec -> 'fit' ->> 'policy' in ('wait', 'fail');

alter table job_attempts
    drop constraint job_attempts_outcome_check,
    add constraint job_attempts_outcome_check check (outcome in ('succeeded', 'failed', 'released', 'refused', 'lost'));

-- The last refusal of each worker. One that registers anew is another worker.
create table job_refusals (
    job_id          uuid not null references jobs (id) on delete cascade,
    worker_id       uuid not null references workers (id) on delete cascade,
    worker_name     text not null,
    attempt         int not null,
    code            text not null check (code in ('vram_insufficient', 'ram_insufficient')),
    needed_bytes    bigint not null check (needed_bytes >= 0),
    free_bytes      bigint not null check (free_bytes >= 0),
    -- What its heartbeats had said to be free, which is counted differently from what a plan could have.
    seen_free_bytes bigint,
    at              timestamptz not null default clock_timestamp(),
    primary key (job_id, worker_id)
);
create index job_refusals_worker on job_refusals (worker_id);

-- What a worker has said to be free of the memory that a refusal is about.
create function free_memory(worker workers, code text) returns bigint
language sql stable as $$
    select case
        when code = 'vram_insufficient' then worker.memory_free_bytes
        else coalesce(worker.host_free_bytes, case when worker.device ->> 'kind' = 'cpu' then worker.memory_free_bytes end) end
$$;

-- A refusal stands until what was missing has become free; for good where nothing was missing, since then a rule decided.
create function still_stands(refusal job_refusals, worker workers) returns boolean
language sql stable as $$
    select refusal.needed_bytes <= refusal.free_bytes or coalesce(
        free_memory(worker, refusal.code) < refusal.seen_free_bytes + (refusal.needed_bytes - refusal.free_bytes), true)
$$;

drop function new_event(jobs, text, jsonb);

-- The event row that goes with a change of a job; jobs.event_seq was raised by that change.
create function new_event(job jobs, event_type text, error jsonb default null, details jsonb default null) returns job_events
language sql volatile as $$
    select row(
        job.id, job.event_seq, event_type, nullif(job.attempt, 0), t.at,
        jsonb_strip_nulls(jsonb_build_object(
            'job_id', 'job_' || replace(job.id::text, '-', ''),
            'status', job.state,
            'status_reason', job.status_reason,
            'at', to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'attempt', nullif(job.attempt, 0),
            'progress', case when job.state = 'running' then job.progress end,
            'error', error) || coalesce(details, '{}')))::job_events
    from (select clock_timestamp() as at) t
$$;
