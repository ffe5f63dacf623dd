using System.Text.Json;
using I2V.Gateway.Scheduling;
using I2V.Protocol;
using I2V.Protocol.Workers;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Fit;

/// <summary>A worker that is there, with what it said about itself.</summary>
internal sealed record FleetWorker
{
    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public required WorkerDevice Device { get; init; }

    /// <summary>True when it finishes what it has and takes nothing more.</summary>
    public required bool IsDraining { get; init; }

    public required IReadOnlyList<string> Lanes { get; init; }

    public required IReadOnlyList<ModelCapability> Models { get; init; }

    public ModelCapability? Find(string model) => Models.FirstOrDefault(capability => capability.Name == model);
}

/// <summary>Who is there. Read at most every two seconds, since every question about fit begins here; a registration is seen at once.</summary>
internal sealed class Fleet(NpgsqlDataSource database, IOptions<SchedulingOptions> options, TimeProvider clock)
{
    /// <summary>$1 seconds of silence. A worker that runs a job is there as long as its lease.</summary>
    private const string Live = """
        select w.id, w.name, w.device, w.state = 'draining' or w.drain_requested_at is not null, w.lanes, w.models
        from workers w
        where w.state <> 'gone'
            and (w.last_seen_at > clock_timestamp() - make_interval(secs => $1)
                or exists (select from jobs r where r.state = 'running' and r.lease_owner = w.id))
        order by w.name, w.id
        """;

    private static readonly TimeSpan RememberFor = TimeSpan.FromSeconds(2);

    private Snapshot? remembered;
    private int generation;

    /// <summary>By name.</summary>
    public async Task<IReadOnlyList<FleetWorker>> ReadAsync(CancellationToken ct)
    {
        var began = Volatile.Read(ref generation);
        if (remembered is { } snapshot && snapshot.Generation == began && clock.GetElapsedTime(snapshot.ReadAt) < RememberFor)
        {
            return snapshot.Workers;
        }

        var readAt = clock.GetTimestamp();
        await using var command = database.CreateCommand(Live);
        command.Parameters.Seconds(2 * options.Value.WorkerSilenceSeconds); // One late heartbeat moves no jobs.
        await using var reader = await command.ExecuteReaderAsync(ct);
        var workers = new List<FleetWorker>();
        while (await reader.ReadAsync(ct))
        {
            workers.Add(Read(reader));
        }

        remembered = new Snapshot(workers, readAt, began);
        return workers;
    }

    /// <summary>The next question asks the database, also where an older one is just being answered.</summary>
    public void Forget() => Interlocked.Increment(ref generation);

    private static FleetWorker Read(NpgsqlDataReader reader) => new()
    {
        Id = reader.GetGuid(0),
        Name = reader.GetString(1),
        Device = JsonSerializer.Deserialize<WorkerDevice>(reader.GetString(2), I2VJson.Options)!,
        IsDraining = reader.GetBoolean(3),
        Lanes = reader.GetFieldValue<string[]>(4),
        Models = JsonSerializer.Deserialize<List<ModelCapability>>(reader.GetString(5), I2VJson.Options)!,
    };

    private sealed record Snapshot(IReadOnlyList<FleetWorker> Workers, long ReadAt, int Generation);
}
