using System.Text.Json;
using I2V.Gateway.Scheduling;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Workers;

/// <summary>Reads who is there. What "there" means is decided by Postgres' clock, like every lease.</summary>
internal sealed class WorkerReader(NpgsqlDataSource database, IOptions<SchedulingOptions> options)
{
    /// <summary>$1 tenant, $2 seconds of silence. A worker's job is shown to the job's tenant only.</summary>
    private const string Columns = """
        select w.id, w.name, w.device, w.models, w.warm_model, w.version, w.registered_at, w.last_seen_at,
            case when w.state = 'gone' then 'gone'
                when j.id is not null then case when w.drain_requested_at is null then 'busy' else 'draining' end
                when w.last_seen_at < clock_timestamp() - make_interval(secs => $2) then 'silent'
                when w.drain_requested_at is not null then 'draining'
                else w.state end,
            case when j.tenant_id = $1 then j.id end, w.memory_free_bytes,
            case when j.tenant_id = $1 then j.applied ->> 'rung' end
        from workers w
        left join jobs j on j.lease_owner = w.id and j.state = 'running'
        """;

    private const string List = Columns
        + " where w.state <> 'gone' and (j.id is not null or w.last_seen_at > clock_timestamp() - interval '1 day') order by w.name, w.registered_at";

    private const string One = Columns + " where w.id = $3";

    private const string CountLive =
        "select count(*)::int from workers w where w.state <> 'gone' and w.last_seen_at > clock_timestamp() - make_interval(secs => $1)";

    public async Task<List<WorkerObject>> ListAsync(Guid tenantId, CancellationToken ct)
    {
        await using var command = database.CreateCommand(List);
        command.Parameters.Uuid(tenantId).Seconds(options.Value.WorkerSilenceSeconds);
        return await ReadAsync(command, ct);
    }

    public async Task<WorkerObject?> FindAsync(Guid tenantId, Guid id, CancellationToken ct)
    {
        await using var command = database.CreateCommand(One);
        command.Parameters.Uuid(tenantId).Seconds(options.Value.WorkerSilenceSeconds).Uuid(id);
        return (await ReadAsync(command, ct)).SingleOrDefault();
    }

    public async Task<int> CountLiveAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(CountLive);
        command.Parameters.Seconds(options.Value.WorkerSilenceSeconds);
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<List<WorkerObject>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        var workers = new List<WorkerObject>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var device = JsonSerializer.Deserialize<WorkerDevice>(reader.GetString(2), I2VJson.Options)!;
            var models = JsonSerializer.Deserialize<List<ModelCapability>>(reader.GetString(3), I2VJson.Options)!;
            workers.Add(new WorkerObject
            {
                Id = reader.GetGuid(0),
                Name = reader.GetString(1),
                Device = reader.IsDBNull(10) ? device : device with { MemoryFreeBytes = reader.GetInt64(10) },
                Models = [.. models.Select(model => model.Name)],
                WarmModel = reader.IsDBNull(4) ? null : reader.GetString(4),
                Version = reader.GetString(5),
                RegisteredAt = reader.GetFieldValue<DateTimeOffset>(6),
                LastSeenAt = reader.GetFieldValue<DateTimeOffset>(7),
                State = reader.GetString(8),
                CurrentJob = reader.IsDBNull(9) ? null : JobId.Format(reader.GetGuid(9)),
                Rung = reader.IsDBNull(11) ? null : reader.GetString(11),
            });
        }

        return workers;
    }
}
