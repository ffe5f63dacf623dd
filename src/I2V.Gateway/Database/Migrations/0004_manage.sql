-- What people change while work goes on: jobs that are kept back, lanes that are closed, workers that are sent home.

-- A job that is kept back still counts against what its tenant may have waiting.
create index jobs_held on jobs (tenant_id) where state = 'held';

create table paused_lanes (
    lane      text primary key,
    paused_at timestamptz not null default clock_timestamp()
);

-- Beside the worker's own state, which its next heartbeat would overwrite.
alter table workers add column drain_requested_at timestamptz;

-- What is open to a worker that asks: nothing while it is to leave, else its lanes but for the paused ones.
create function open_lanes(worker workers) returns text[]
language sql stable as $$
    select case when worker.drain_requested_at is not null then '{}'
        else array(
            select lane from unnest(worker.lanes) as lane
            where not exists (select from paused_lanes p where p.lane = lane.lane)) end
$$;
