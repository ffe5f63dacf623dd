-- The truth about jobs. CHECK constraints make illegal rows impossible; partial indexes keep the hot sets small; hot
-- tables leave room on their pages (fillfactor), so that a heartbeat is a heap-only update.

create table tenants (
    id                uuid primary key,
    name              text not null unique check (length(name) between 1 and 100),
    weight            int not null default 1 check (weight between 1 and 100),
    max_queued        int not null default 1000 check (max_queued >= 0),
    max_running       int not null default 64 check (max_running >= 0),
    max_priority      smallint not null default 10 check (max_priority between -10 and 10),
    max_bytes         bigint not null default 107374182400 check (max_bytes >= 0),
    created_at        timestamptz not null default clock_timestamp()
);

create table api_keys (
    id                uuid primary key,
    tenant_id         uuid not null references tenants (id) on delete cascade,
    prefix            text not null unique check (prefix ~ '^[0-9A-Za-z]{8}$'),
    key_hash          bytea not null check (octet_length(key_hash) = 32),
    scopes            text[] not null,
    expires_at        timestamptz,
    revoked_at        timestamptz,
    last_used_at      timestamptz,
    created_at        timestamptz not null default clock_timestamp()
);

-- One row per process incarnation, never reused.
create table workers (
    id                uuid primary key,
    name              text not null,
    host              text not null,
    device_id         text not null,
    device            jsonb not null,
    models            jsonb not null,
    lanes             text[] not null,
    version           text not null,
    state             text not null default 'idle' check (state in ('loading', 'idle', 'draining', 'gone')),
    memory_free_bytes bigint,
    warm_model        text,
    registered_at     timestamptz not null default clock_timestamp(),
    last_seen_at      timestamptz not null default clock_timestamp()
) with (fillfactor = 70);
-- That a worker is busy follows from jobs.lease_owner.
create index workers_present on workers (device_id) where state <> 'gone';

create table jobs (
    id                   uuid primary key,
    tenant_id            uuid not null references tenants (id),
    state                text not null default 'queued'
                         check (state in ('queued', 'running', 'held', 'succeeded', 'failed', 'canceled', 'expired')),
    status_reason        text,
    model                text not null,
    lane                 text not null,
    priority             smallint not null default 0 check (priority between -10 and 10),
    batch_id             uuid,
    retry_of             uuid,
    requested            jsonb not null,
    spec                 jsonb not null,
    applied              jsonb,
    degradations         jsonb not null default '[]',
    warnings             jsonb not null default '[]',
    progress             jsonb,
    metrics              jsonb,
    outputs              jsonb,
    tags                 jsonb not null default '{}',
    output_expires_in    int not null default 86400,
    input_key            text not null,
    input_sha256         text not null,
    input_width          int not null,
    input_height         int not null,
    input_bytes          bigint not null,

    -- The fencing number: one more at every claim, never less, never used again.
    attempt              int not null default 0,

    -- Three budgets, because a crash, a failure and a polite release say different things about the job.
    failures             int not null default 0,
    max_failures         int not null default 3,
    crashes              int not null default 0,
    max_crashes          int not null default 2,
    releases             int not null default 0,
    max_releases         int not null default 20,

    lease_token          uuid,
    lease_owner          uuid references workers (id),
    lease_expires_at     timestamptz,
    heartbeat_at         timestamptz,
    run_timeout_seconds  int not null default 1500 check (run_timeout_seconds between 1 and 7200),
    run_deadline_at      timestamptz,

    available_at         timestamptz not null default clock_timestamp(),
    deadline_at          timestamptz,
    start_deadline_at    timestamptz,
    cancel_requested_at  timestamptz,
    cancel_reason        text check (cancel_reason in ('user', 'deadline')),

    result_attempt       int,
    result_sha256        text,
    error_code           text,
    error_message        text check (length(error_message) <= 4000),

    event_seq            bigint not null default 1,
    progress_event_at    timestamptz,
    ticketed_at          timestamptz not null default clock_timestamp(),
    traceparent          text check (length(traceparent) <= 60),
    created_at           timestamptz not null default clock_timestamp(),
    started_at           timestamptz,
    finished_at          timestamptz,

    constraint lease_iff_running check (
        (state = 'running') = (lease_token is not null)
        and (state = 'running') = (lease_owner is not null)
        and (state = 'running') = (lease_expires_at is not null)
        and (state = 'running') = (run_deadline_at is not null)),
    constraint finished_iff_final check (
        (state in ('succeeded', 'failed', 'canceled', 'expired')) = (finished_at is not null)),
    constraint result_iff_succeeded check (
        (state = 'succeeded') = (outputs is not null)
        and (state = 'succeeded') = (result_sha256 is not null)
        and (state = 'succeeded') = (result_attempt is not null)),
    constraint error_iff_bad check (
        (state in ('failed', 'expired')) = (error_code is not null)
        and (error_code is null) = (error_message is null)),
    constraint reason_iff_cancel check ((cancel_requested_at is null) = (cancel_reason is null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

create index jobs_claim on jobs (tenant_id, lane, priority desc, created_at, id) include (available_at) where state = 'queued';
create index jobs_ticket on jobs (lane, ticketed_at) where state = 'queued';
-- Running jobs are as many as workers, so the reaper walks them all; an index on the lease would cost every heartbeat.
create index jobs_running on jobs (tenant_id) where state = 'running';
create index jobs_owner on jobs (lease_owner) where state = 'running';
create index jobs_deadline on jobs (deadline_at)
    where deadline_at is not null and state in ('queued', 'held', 'running');
create index jobs_start_deadline on jobs (start_deadline_at)
    where start_deadline_at is not null and started_at is null and state in ('queued', 'held');
create index jobs_list on jobs (tenant_id, id desc);
create index jobs_batch on jobs (batch_id) where batch_id is not null;

create table job_attempts (
    job_id        uuid not null references jobs (id) on delete cascade,
    attempt       int not null,
    worker_id     uuid not null,
    worker_name   text not null,
    device        jsonb not null,
    lease_token   uuid not null unique,
    started_at    timestamptz not null default clock_timestamp(),
    ended_at      timestamptz,
    outcome       text check (outcome in ('succeeded', 'failed', 'released', 'lost')),
    -- What the job became, so that a report said twice is answered twice with the same words.
    ended_state   text,
    ended_reason  text,
    error_code    text,
    error_message text,
    progress      jsonb,
    primary key (job_id, attempt),
    constraint ended_iff_outcome check (
        (ended_at is null) = (outcome is null) and (ended_at is null) = (ended_state is null))
) with (fillfactor = 70);

create table job_events (
    job_id  uuid not null references jobs (id) on delete cascade,
    seq     bigint not null,
    type    text not null,
    attempt int,
    at      timestamptz not null,
    data    jsonb not null,
    primary key (job_id, seq)
);

-- Tickets on their way to the broker. A row is deleted when the broker has confirmed it.
create table outbox (
    id           bigint generated always as identity primary key,
    lane         text not null,
    available_at timestamptz not null default clock_timestamp(),
    attempts     int not null default 0,
    last_error   text,
    created_at   timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
create index outbox_due on outbox (available_at, id);

create table idempotency_keys (
    tenant_id    uuid not null references tenants (id) on delete cascade,
    key          text not null check (length(key) between 1 and 255),
    request_hash bytea not null,
    job_id       uuid not null references jobs (id) on delete cascade,
    created_at   timestamptz not null default clock_timestamp(),
    expires_at   timestamptz not null,
    primary key (tenant_id, key)
);
create index idempotency_keys_job on idempotency_keys (job_id);
create index idempotency_keys_expiry on idempotency_keys (expires_at);

-- The event row that goes with a change of a job; jobs.event_seq was raised by that change.
create function new_event(job jobs, event_type text, error jsonb default null) returns job_events
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
            'error', error)))::job_events
    from (select clock_timestamp() as at) t
$$;
