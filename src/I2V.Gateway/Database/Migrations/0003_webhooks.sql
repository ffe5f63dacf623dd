-- Who is told when a job ends, and what became of telling.

create table webhook_endpoints (
    id                  uuid primary key,
    tenant_id           uuid not null references tenants (id) on delete cascade,
    -- Null for the tenant's default: the secret that signs what goes to the addresses that jobs bring along.
    url                 text check (length(url) between 1 and 2048),
    events              text[] not null,
    secret              bytea not null check (octet_length(secret) between 24 and 64),
    -- What rotation replaced signs too until it expires.
    previous_secret     bytea,
    previous_expires_at timestamptz,
    disabled_at         timestamptz,
    disabled_reason     text,
    created_at          timestamptz not null default clock_timestamp(),
    constraint previous_iff_expiry check ((previous_secret is null) = (previous_expires_at is null)),
    constraint reason_iff_disabled check ((disabled_at is null) = (disabled_reason is null))
);
create index webhook_endpoints_list on webhook_endpoints (tenant_id, id desc);
create unique index webhook_endpoints_default on webhook_endpoints (tenant_id) where url is null;

-- {url, events} of the request.
alter table jobs add column webhook jsonb;

-- One row per job, event and receiver. It goes with its job and with its endpoint.
create table webhook_deliveries (
    id          uuid primary key,
    tenant_id   uuid not null references tenants (id) on delete cascade,
    job_id      uuid not null references jobs (id) on delete cascade,
    endpoint_id uuid references webhook_endpoints (id) on delete cascade,
    -- The job's own webhook; an endpoint's address is the endpoint's.
    url         text,
    event       text not null,
    event_at    timestamptz not null,
    state       text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    -- Attempts since it was last asked for; the whole list is in attempts.
    tries       int not null default 0,
    -- When the next attempt is due; while one is under way, when another gateway may take it over.
    next_at     timestamptz,
    lease_token uuid,
    attempts    jsonb not null default '[]',
    created_at  timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint one_receiver check ((endpoint_id is null) = (url is not null)),
    constraint due_iff_pending check ((state = 'pending') = (next_at is not null)),
    constraint finished_iff_ended check ((state = 'pending') = (finished_at is null)),
    constraint lease_only_pending check (state = 'pending' or lease_token is null),
    constraint told_once unique nulls not distinct (job_id, endpoint_id, event)
) with (fillfactor = 70);
create index webhook_deliveries_due on webhook_deliveries (tenant_id, next_at) where state = 'pending';
-- What is on its way now, to keep one tenant from taking every sender.
create index webhook_deliveries_leased on webhook_deliveries (tenant_id) where lease_token is not null;
create index webhook_deliveries_list on webhook_deliveries (tenant_id, id desc);
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint_id);

-- A UUIDv7: deliveries sort by age, as jobs do.
create function new_delivery_id() returns uuid
language sql volatile as $$
    select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Whatever ends a job writes its last event, and with that, in the same transaction, who is to be told.
create function add_webhook_deliveries() returns trigger
language plpgsql as $$
begin
    -- The lock makes a racing removal of the endpoint win or wait, instead of failing the end of the job.
    insert into webhook_deliveries (id, tenant_id, job_id, endpoint_id, event, event_at, next_at)
    select new_delivery_id(), e.tenant_id, new.job_id, e.id, new.type, new.at, clock_timestamp()
    from webhook_endpoints e
    where e.tenant_id = (select j.tenant_id from jobs j where j.id = new.job_id)
        and e.url is not null and e.disabled_at is null and new.type = any (e.events)
    for key share of e;

    insert into webhook_deliveries (id, tenant_id, job_id, url, event, event_at, next_at)
    select new_delivery_id(), j.tenant_id, j.id, j.webhook ->> 'url', new.type, new.at, clock_timestamp()
    from jobs j
    where j.id = new.job_id and j.webhook -> 'events' ? new.type;
    return null;
end
$$;

create trigger job_ended after insert on job_events for each row
    when (new.type in ('job.succeeded', 'job.failed', 'job.canceled', 'job.expired'))
    execute function add_webhook_deliveries();
