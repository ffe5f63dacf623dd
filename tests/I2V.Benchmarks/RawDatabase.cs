using Npgsql;

namespace I2V.Benchmarks;

/// <summary>
/// What PostgreSQL itself can do with the rows of one submit: the same four inserts into copies of the same tables, in one
/// prepared statement and one durable transaction, as pgbench would send them. The values are those of a real job.
/// </summary>
internal sealed class RawDatabase : IAsyncDisposable
{
    private readonly NpgsqlDataSource database;
    private readonly string insert;

    private RawDatabase(NpgsqlDataSource database, string insert) => (this.database, this.insert) = (database, insert);

    public static async Task<RawDatabase> PrepareAsync(NpgsqlDataSource database)
    {
        await using (var tables = database.CreateCommand("""
            drop schema if exists raw cascade;
            create schema raw;
            create table raw.jobs (like jobs including all);
            create table raw.job_events (like job_events including all);
            create table raw.idempotency_keys (like idempotency_keys including all);
            create table raw.outbox (like outbox including all);
            create table raw.template as select * from jobs limit 1;
            create table raw.template_event as select * from job_events where seq = 1 limit 1;
            """))
        {
            await tables.ExecuteNonQueryAsync();
        }

        var jobs = await OtherColumnsAsync(database, "jobs", "id");
        var events = await OtherColumnsAsync(database, "job_events", "job_id");
        return new RawDatabase(database, $"""
            with job as (insert into raw.jobs (id, {jobs}) select $1, {jobs} from raw.template returning tenant_id),
            key as (insert into raw.idempotency_keys (tenant_id, key, request_hash, job_id, expires_at)
                    select tenant_id, $1::text, decode(md5($1::text), 'hex'), $1, now() + interval '24 hours' from job),
            event as (insert into raw.job_events (job_id, {events}) select $1, {events} from raw.template_event)
            insert into raw.outbox (lane) values ('i2v.lane.bench')
            """);
    }

    public async Task<Samples> InsertAsync(int clients, int count) => await Samples.MeasureAsync(clients, count, async _ =>
    {
        await using var connection = await database.OpenConnectionAsync();
        await using var command = new NpgsqlCommand(insert, connection) { Parameters = { new() { Value = Guid.CreateVersion7() } } };
        await command.PrepareAsync();
        await command.ExecuteNonQueryAsync();
    });

    public async ValueTask DisposeAsync()
    {
        await using var drop = database.CreateCommand("drop schema raw cascade");
        await drop.ExecuteNonQueryAsync();
    }

    private static async Task<string> OtherColumnsAsync(NpgsqlDataSource database, string table, string key)
    {
        await using var command = database.CreateCommand("""
            select string_agg(quote_ident(column_name), ', ' order by ordinal_position) from information_schema.columns
            where table_schema = 'public' and table_name = $1 and column_name <> $2
            """);
        command.Parameters.AddWithValue(table);
        command.Parameters.AddWithValue(key);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
