namespace I2V.Gateway.Retention;

/// <summary>
/// What is no longer needed, decided by Postgres' clock. Every statement takes a bounded number of rows, skips those that another
/// gateway holds, and writes down which objects must go in the statement that ends the need for them: a crash afterwards loses
/// nothing.
/// </summary>
internal static class RetentionSql
{
    /// <summary>A link that was given at the last moment, and an upload or download that began with it, are over by then.</summary>
    private const string Grace = "interval '15 minutes'";

    private const string FilesDue = "((j.finished_at at time zone 'UTC') + j.output_expires_in * interval '1 second')";

    private const string Doom = "on conflict (prefix) do update set due_at = greatest(doomed_objects.due_at, excluded.due_at)";

    /// <summary>Follows a common table expression <c>gone</c> with a job's <c>id</c> and <c>tenant_id</c>.</summary>
    public const string DoomGone = $"""
        insert into doomed_objects (prefix, due_at)
        select job_prefix(g.tenant_id, g.id), job_objects_due(g.id) from gone g
        {Doom}
        """;

    /// <summary>$1 most rows. Attempts that ended without being the result, and whose upload links have expired.</summary>
    public const string DoomAttempts = $"""
        with due as materialized (
            select a.job_id, a.attempt from job_attempts a
            where a.uploads_expire_at is not null and a.outcome <> 'succeeded'
                and a.uploads_expire_at < (select clock_timestamp()) - {Grace}
            order by a.uploads_expire_at
            limit $1
            for update skip locked),
        changed as (
            update job_attempts a set uploads_expire_at = null from due
            where a.job_id = due.job_id and a.attempt = due.attempt
            returning a.job_id, a.attempt),
        doomed as (
            insert into doomed_objects (prefix, due_at)
            select job_prefix(j.tenant_id, j.id) || 'a' || c.attempt || '/', clock_timestamp()
            from changed c join jobs j on j.id = c.job_id
            {Doom})
        select count(*)::int from changed
        """;

    /// <summary>$1 most rows. Ended jobs whose picture and film need not be kept any longer.</summary>
    public const string ExpireFiles = $"""
        with due as materialized (
            select j.id from jobs j
            where j.finished_at is not null and j.files_gone_at is null
                and {FilesDue} < ((select clock_timestamp()) at time zone 'UTC') - {Grace}
            order by {FilesDue}
            limit $1
            for update skip locked),
        gone as (
            update jobs j set files_gone_at = clock_timestamp() from due
            where j.id = due.id
            returning j.id, j.tenant_id),
        doomed as ({DoomGone})
        select count(*)::int from gone
        """;

    /// <summary>$1 most rows, $2 days. Jobs that ended long ago and have no files left, with their attempts, events and keys.</summary>
    public const string PurgeJobs = """
        with due as materialized (
            select j.id from jobs j
            where j.files_gone_at is not null and j.finished_at < (select clock_timestamp()) - make_interval(days => $2)
            order by j.finished_at
            limit $1
            for update skip locked),
        gone as (
            delete from jobs j using due where j.id = due.id returning j.id)
        select count(*)::int from gone
        """;

    /// <summary>$1 most rows. Idempotency keys that no longer replay.</summary>
    public const string PurgeKeys = """
        with due as materialized (
            select k.tenant_id, k.key from idempotency_keys k
            where k.expires_at <= (select clock_timestamp())
            order by k.expires_at
            limit $1
            for update skip locked),
        gone as (
            delete from idempotency_keys k using due where k.tenant_id = due.tenant_id and k.key = due.key returning k.key)
        select count(*)::int from gone
        """;

    /// <summary>$1 most rows. Counts of requests that nobody has asked for in an hour.</summary>
    public const string PurgeRates = """
        with due as materialized (
            select r.subject from rate_windows r
            where r.started_at < (select clock_timestamp()) - interval '1 hour'
            limit $1
            for update skip locked),
        gone as (
            delete from rate_windows r using due where r.subject = due.subject returning r.subject)
        select count(*)::int from gone
        """;

    /// <summary>$1 most rows, $2 seconds. Objects to delete; nobody else gets them until the seconds have passed.</summary>
    public const string TakeDoomed = """
        with due as materialized (
            select d.prefix from doomed_objects d
            where d.due_at <= (select clock_timestamp())
            order by d.due_at
            limit $1
            for update skip locked)
        update doomed_objects d set due_at = clock_timestamp() + make_interval(secs => $2), tries = d.tries + 1
        from due where d.prefix = due.prefix
        returning d.prefix, d.due_at
        """;

    /// <summary>$1 prefix, $2 the due time that it was taken with: one that was doomed anew meanwhile stays.</summary>
    public const string ForgetDoomed = "delete from doomed_objects where prefix = $1 and due_at = $2";

    /// <summary>$1 prefix, $2 as above, $3 why it failed. Tried again after a minute, then two, up to an hour.</summary>
    public const string PostponeDoomed = """
        update doomed_objects set last_error = left($3, 500),
            due_at = clock_timestamp() + interval '1 minute' * least(60, power(2, least(tries, 7) - 1))
        where prefix = $1 and due_at = $2
        """;

    /// <summary>$1 seconds. The next page of the search for unknown objects, for one gateway at a time.</summary>
    public const string TakePage = """
        update object_scan set taken_until = clock_timestamp() + make_interval(secs => $1)
        where taken_until <= clock_timestamp() and next_page_at <= clock_timestamp()
        returning marker, taken_until
        """;

    /// <summary>$1 where the page ended, $2 the time that it was taken with, $3 seconds until the next one.</summary>
    public const string LeavePage = """
        update object_scan set marker = $1, taken_until = '-infinity', next_page_at = clock_timestamp() + make_interval(secs => $3)
        where taken_until = $2
        """;

    /// <summary>
    /// $1 tenants, $2 jobs, $3 attempts (0 for the picture) of objects. Numbers, from 1, of those that no row needs. Tenants that
    /// this database does not know belong to somebody else who shares the bucket.
    /// </summary>
    public const string FindUnknown = """
        select o.number from unnest($1, $2, $3) with ordinality as o (tenant, job, attempt, number)
        where exists (select from tenants t where t.id = o.tenant)
            and not exists (
                select from jobs j
                where j.id = o.job and j.tenant_id = o.tenant and j.files_gone_at is null
                    and (o.attempt = 0 or exists (
                        select from job_attempts a
                        where a.job_id = j.id and a.attempt = o.attempt
                            and (a.outcome is null or a.outcome = 'succeeded' or a.uploads_expire_at is not null))))
        """;
}
