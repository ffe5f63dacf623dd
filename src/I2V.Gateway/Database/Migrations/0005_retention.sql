-- What goes when: objects that no job needs any more, rows of jobs that ended long ago; how often a tenant may ask, and what it
-- stores.

-- Requests a minute of all its keys together; null is no limit.
alter table tenants add column requests_per_minute int default 1200 check (requests_per_minute > 0);
-- One machine's own user is not to be kept from its own queue.
update tenants set requests_per_minute = null where name = 'default';

-- Of this key alone, within what its tenant may.
alter table api_keys add column requests_per_minute int check (requests_per_minute > 0);

-- How many requests a tenant or a key has made in its minute. A crash of the database forgets them, which is cheap; writing
-- each one to the log would not be.
create unlogged table rate_windows (
    subject    uuid primary key,
    started_at timestamptz not null,
    used       int not null
) with (fillfactor = 50);

-- From then on the job's picture and film are gone, or about to be.
alter table jobs add column files_gone_at timestamptz check (files_gone_at is null or finished_at is not null);

create index jobs_files on jobs (((finished_at at time zone 'UTC') + output_expires_in * interval '1 second'))
    where finished_at is not null and files_gone_at is null;
create index jobs_finished on jobs (finished_at) where files_gone_at is not null;

create function output_bytes(outputs jsonb) returns bigint
language sql immutable as $$
    select coalesce(sum((o -> 'file' ->> 'bytes')::bigint), 0)::bigint
    from jsonb_array_elements(case when jsonb_typeof(outputs) = 'array' then outputs else '[]' end) o
$$;

-- What the job keeps stored, for tenants.max_bytes.
alter table jobs add column stored_bytes bigint not null generated always as (input_bytes + output_bytes(outputs)) stored;
create index jobs_stored on jobs (tenant_id) include (stored_bytes) where files_gone_at is null;

-- Until then the attempt's upload links may be used; null where it never got any, and where its objects are taken care of.
alter table job_attempts add column uploads_expire_at timestamptz;

create index job_attempts_uploads on job_attempts (uploads_expire_at)
    where uploads_expire_at is not null and outcome <> 'succeeded';

-- Objects that are to be deleted. A row is written in the statement that ends the need for them, and goes when they have.
create table doomed_objects (
    prefix     text primary key check (prefix ~ '^t/[0-9a-f]{32}/j/[0-9a-f]{32}/(a[0-9]+/)?$'),
    due_at     timestamptz not null,
    tries      int not null default 0,
    last_error text,
    created_at timestamptz not null default clock_timestamp()
);
create index doomed_objects_due on doomed_objects (due_at);

-- How far the search for objects that no row knows has come. One gateway at a time goes on with it.
create table object_scan (
    only_one     bool primary key default true check (only_one),
    marker       text not null default '',
    taken_until  timestamptz not null default '-infinity',
    next_page_at timestamptz not null default '-infinity'
);
insert into object_scan default values;

-- The same as ArtifactKeys.Job.
create function job_prefix(tenant uuid, job uuid) returns text
language sql immutable as $$
    select 't/' || replace(tenant::text, '-', '') || '/j/' || replace(job::text, '-', '') || '/'
$$;

-- When nothing of the job can be written any more: a quarter of an hour after its last upload link has expired, for clocks that
-- differ and uploads that began in time. An attempt that still runs may get a link at this moment.
create function job_objects_due(job uuid) returns timestamptz
language sql volatile as $$
    select coalesce(greatest(clock_timestamp(), max(
        case when ended_at is null then clock_timestamp() + interval '15 minutes' else uploads_expire_at end) + interval '15 minutes'),
        clock_timestamp())
    from job_attempts where job_id = job
$$;
