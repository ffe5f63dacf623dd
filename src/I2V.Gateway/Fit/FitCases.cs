using System.Text.Json;
using I2V.Gateway.Scheduling;
using I2V.Protocol;
using I2V.Protocol.Workers;
using Npgsql;

namespace I2V.Gateway.Fit;

/// <summary>A waiting job and the attempt number that it had when it was looked at.</summary>
internal sealed record WaitingJob(Guid Id, int Attempt, JobSpec Spec, FitCase Case);

/// <summary>Reads waiting jobs with the refusals that still stand.</summary>
internal sealed class FitCases(NpgsqlDataSource database)
{
    private const string Columns = """
        select j.id, j.attempt, j.model, j.lane, j.needed_bytes, j.spec,
            (select jsonb_agg(jsonb_build_object('worker_id', f.worker_id, 'worker_name', f.worker_name, 'code', f.code,
                    'needed_bytes', f.needed_bytes, 'free_bytes', f.free_bytes) order by f.worker_name)
                from job_refusals f join workers w on w.id = f.worker_id
                where f.job_id = j.id and w.state <> 'gone' and still_stands(f, w))
        from jobs j
        """;

    private const string Named = Columns + " where j.state = 'queued' and j.id = any($1)";

    /// <summary>
    /// $1 where the last page ended, $2 most rows. Jobs that may not be degraded, by the predicate of the index jobs_strict, and
    /// those that may be and that somebody refused nevertheless.
    /// </summary>
    private const string Unsettled = Columns
        + """
             where j.state = 'queued' and j.id in (
                (select s.id from jobs s
                where s.state = 'queued' and s.spec -> 'fit' ->> 'policy' in ('wait', 'fail') and s.id > $1
                order by s.id limit $2)
                union
                (select distinct f.job_id from job_refusals f join jobs s on s.id = f.job_id
                where s.state = 'queued' and f.job_id > $1
                order by f.job_id limit $2))
            order by j.id limit $2
            """;

    public async Task<IReadOnlyList<WaitingJob>> ReadAsync(IReadOnlyCollection<Guid> ids, CancellationToken ct)
    {
        await using var command = database.CreateCommand(Named);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. ids] });
        return await ReadAsync(command, ct);
    }

    /// <summary>A page of the jobs whose lane or whose hope may change with who is there, by id.</summary>
    public async Task<IReadOnlyList<WaitingJob>> ReadUnsettledAsync(Guid after, int most, CancellationToken ct)
    {
        await using var command = database.CreateCommand(Unsettled);
        command.Parameters.Uuid(after).Int(most);
        return await ReadAsync(command, ct);
    }

    private static async Task<IReadOnlyList<WaitingJob>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        var jobs = new List<WaitingJob>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var spec = JsonSerializer.Deserialize<JobSpec>(reader.GetString(5), I2VJson.Options)!;
            jobs.Add(new WaitingJob(reader.GetGuid(0), reader.GetInt32(1), spec, new FitCase
            {
                Model = reader.GetString(2),
                Lane = reader.GetString(3),
                NeededBytes = reader.IsDBNull(4) ? null : reader.GetInt64(4),
                Question = FitQuestion.Of(spec.Settings, spec.Fit),
                Refusals = reader.IsDBNull(6) ? [] : JsonSerializer.Deserialize<List<StandingRefusal>>(reader.GetString(6), I2VJson.Options)!,
            }));
        }

        return jobs;
    }
}
