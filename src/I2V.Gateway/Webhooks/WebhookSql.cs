namespace I2V.Gateway.Webhooks;

/// <summary>
/// Every statement about webhooks but the one that makes deliveries, which is the trigger <c>job_ended</c>: whatever ends a job adds
/// them in its own transaction. Only Postgres' clock counts.
/// </summary>
internal static class WebhookSql
{
    public const string EndpointColumns =
        "e.id, e.url, e.events, case when e.previous_expires_at > clock_timestamp() then e.previous_expires_at end, e.disabled_at, e.disabled_reason, e.created_at";

    /// <summary>$1 tenant.</summary>
    public const string CountEndpoints = "select count(*)::int from webhook_endpoints where tenant_id = $1 and url is not null";

    /// <summary>$1 endpoint, $2 tenant, $3 address, $4 events, $5 secret.</summary>
    public const string InsertEndpoint = $"""
        insert into webhook_endpoints as e (id, tenant_id, url, events, secret) values ($1, $2, $3, $4, $5)
        returning {EndpointColumns}
        """;

    /// <summary>$1 tenant.</summary>
    public const string ListEndpoints = $"""
        select {EndpointColumns} from webhook_endpoints e where e.tenant_id = $1 and e.url is not null order by e.id desc
        """;

    /// <summary>$1 tenant, $2 endpoint.</summary>
    public const string FindEndpoint = $"""
        select {EndpointColumns} from webhook_endpoints e where e.tenant_id = $1 and e.id = $2 and e.url is not null
        """;

    /// <summary>$1 tenant, $2 endpoint, $3 address or null, $4 events or null, $5 whether it is disabled, or null. Ends what waits for an endpoint that it disables.</summary>
    public const string ChangeEndpoint = $"""
        with changed as (
            update webhook_endpoints e set
                url = coalesce($3, e.url),
                events = coalesce($4, e.events),
                disabled_at = case when $5 then coalesce(e.disabled_at, clock_timestamp()) when not $5 then null else e.disabled_at end,
                disabled_reason = case when $5 then coalesce(e.disabled_reason, 'Disabled by PATCH.') when not $5 then null else e.disabled_reason end
            where e.tenant_id = $1 and e.id = $2 and e.url is not null
            returning e.*),
        ended as (
            update webhook_deliveries w set state = 'failed', next_at = null, finished_at = clock_timestamp()
            from changed c where w.endpoint_id = c.id and c.disabled_at is not null and w.state = 'pending' and w.lease_token is null)
        select {EndpointColumns} from changed e
        """;

    /// <summary>$1 tenant, $2 endpoint.</summary>
    public const string DeleteEndpoint = "delete from webhook_endpoints where tenant_id = $1 and id = $2 and url is not null";

    /// <summary>$1 tenant, $2 endpoint, $3 secret.</summary>
    public const string Rotate = $"""
        update webhook_endpoints e set {KeepPrevious}, secret = $3
        where e.tenant_id = $1 and e.id = $2 and e.url is not null
        returning {EndpointColumns}
        """;

    /// <summary>$1 tenant, $2 id where there is none yet, $3 secret, $4 events. The first rotation makes it.</summary>
    public const string RotateDefault = $"""
        insert into webhook_endpoints as e (id, tenant_id, events, secret) values ($2, $1, $4, $3)
        on conflict (tenant_id) where url is null do update set {KeepPrevious}, secret = excluded.secret
        returning {EndpointColumns}
        """;

    /// <summary>$1 tenant.</summary>
    public const string HasDefault = "select exists (select from webhook_endpoints where tenant_id = $1 and url is null)";

    /// <summary>
    /// $1 most rows, $2 seconds of the lease, $3 most of one tenant at once, so that slow receivers of one do not stop the others.
    /// A lease that lapsed is due like anything else: its gateway is gone.
    /// </summary>
    public const string Claim = """
        with due as materialized (
            select d.id
            from (select id from tenants order by random()) t
            cross join lateral (
                select w.id from webhook_deliveries w
                where w.tenant_id = t.id and w.state = 'pending' and w.next_at <= (select clock_timestamp())
                order by w.next_at
                limit greatest(0, $3 - (
                    select count(*) from webhook_deliveries f
                    where f.tenant_id = t.id and f.lease_token is not null and f.next_at > clock_timestamp()))
                for update skip locked) d
            limit $1),
        claimed as (
            update webhook_deliveries w set lease_token = gen_random_uuid(), next_at = clock_timestamp() + make_interval(secs => $2)
            from due where w.id = due.id and w.state = 'pending' and w.next_at <= clock_timestamp()
            returning w.*)
        select c.id, c.lease_token, c.tenant_id, c.job_id, c.event, c.event_at, c.tries, coalesce(c.url, e.url), e.secret,
            case when e.previous_expires_at > clock_timestamp() then e.previous_secret end, e.disabled_at is not null
        from claimed c
        join webhook_endpoints e on e.id = c.endpoint_id or (c.endpoint_id is null and e.tenant_id = c.tenant_id and e.url is null)
        """;

    /// <summary>
    /// $1 delivery, $2 token, $3 state, $4 seconds until the next attempt, $5 the attempt or null when none was made, $6 why its
    /// endpoint is disabled from now on, or null. Nothing happens when the lease is another's by now.
    /// </summary>
    public const string Finish = """
        with ended as (
            update webhook_deliveries w set
                state = $3, lease_token = null, tries = w.tries + 1,
                next_at = case when $3 = 'pending' then clock_timestamp() + make_interval(secs => $4 * (1 + random() / 5)) end,
                finished_at = case when $3 <> 'pending' then clock_timestamp() end,
                attempts = case
                    when $5::jsonb is null then w.attempts
                    when jsonb_array_length(w.attempts) >= 50 then w.attempts - 0
                    else w.attempts end || coalesce($5::jsonb, '[]')
            where w.id = $1 and w.lease_token = $2
            returning w.endpoint_id),
        disabled as (
            update webhook_endpoints e set disabled_at = clock_timestamp(), disabled_reason = $6
            from ended where $6 is not null and e.id = ended.endpoint_id and e.disabled_at is null
            returning e.id),
        others as (
            update webhook_deliveries w set state = 'failed', next_at = null, finished_at = clock_timestamp()
            from disabled where w.endpoint_id = disabled.id and w.state = 'pending' and w.lease_token is null and w.id <> $1)
        select count(*)::int from ended
        """;

    public const string DeliveryColumns =
        "w.id, w.state, w.event, w.job_id, w.endpoint_id, coalesce(w.url, e.url), w.created_at, w.next_at, w.finished_at, w.attempts";

    /// <summary>$1 tenant, $2 state or null, $3 job or null, $4 endpoint or null, $5 id of the last row of the page before or null, $6 most rows.</summary>
    public const string ListDeliveries = $"""
        select {DeliveryColumns} from webhook_deliveries w left join webhook_endpoints e on e.id = w.endpoint_id
        where w.tenant_id = $1 and ($2 is null or w.state = $2) and ($3 is null or w.job_id = $3)
            and ($4 is null or w.endpoint_id = $4) and ($5 is null or w.id < $5)
        order by w.id desc
        limit $6
        """;

    /// <summary>$1 tenant, $2 delivery. Starts the schedule anew, unless it is being sent now or nobody wants it.</summary>
    public const string Redeliver = $"""
        update webhook_deliveries w set state = 'pending', tries = 0, next_at = clock_timestamp(), finished_at = null, lease_token = null
        from webhook_deliveries same left join webhook_endpoints e on e.id = same.endpoint_id
        where w.tenant_id = $1 and w.id = $2 and same.id = w.id
            and (w.lease_token is null or w.next_at <= clock_timestamp()) and e.disabled_at is null
        returning {DeliveryColumns}
        """;

    /// <summary>$1 tenant, $2 delivery. Why it could not be sent again: whether its endpoint is disabled; no row when there is none.</summary>
    public const string FindDelivery = """
        select e.disabled_at is not null from webhook_deliveries w left join webhook_endpoints e on e.id = w.endpoint_id
        where w.tenant_id = $1 and w.id = $2
        """;

    private const string KeepPrevious =
        "previous_secret = e.secret, previous_expires_at = clock_timestamp() + interval '24 hours'";
}
