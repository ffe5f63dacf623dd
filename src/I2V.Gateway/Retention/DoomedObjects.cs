using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using Npgsql;

namespace I2V.Gateway.Retention;

/// <summary>
/// Deletes the objects that rows of <c>doomed_objects</c> name. A row is taken for a while, which also is how long nobody goes on
/// when this process dies in the middle; it goes once its objects have.
/// </summary>
internal sealed class DoomedObjects(NpgsqlDataSource database, IObjectStore store)
{
    private const int TakenAtOnce = 8;
    private const int MostTurns = 100;
    private static readonly TimeSpan TakenFor = TimeSpan.FromMinutes(10);

    /// <returns>How many prefixes are empty now.</returns>
    /// <exception cref="StorageException">The store is away. What was taken comes back later, by itself.</exception>
    public async Task<int> SweepAsync(CancellationToken ct)
    {
        var emptied = 0;
        for (var turn = 0; turn < MostTurns; turn++)
        {
            var taken = await TakeAsync(ct);
            foreach (var doomed in taken)
            {
                await DeleteAsync(doomed, ct);
                emptied++;
            }

            if (taken.Count < TakenAtOnce)
            {
                break;
            }
        }

        return emptied;
    }

    private async Task DeleteAsync(Doomed doomed, CancellationToken ct)
    {
        try
        {
            await store.DeletePrefixAsync(doomed.Prefix, ct);
        }
        catch (StorageException error)
        {
            await using var postpone = database.CreateCommand(RetentionSql.PostponeDoomed);
            postpone.Parameters.Text(doomed.Prefix).Time(doomed.DueAt).Text(error.Message);
            await postpone.ExecuteNonQueryAsync(ct);
            throw;
        }

        await using var forget = database.CreateCommand(RetentionSql.ForgetDoomed);
        forget.Parameters.Text(doomed.Prefix).Time(doomed.DueAt);
        await forget.ExecuteNonQueryAsync(ct);
    }

    private async Task<List<Doomed>> TakeAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(RetentionSql.TakeDoomed);
        command.Parameters.Int(TakenAtOnce).Seconds(TakenFor.TotalSeconds);
        await using var reader = await command.ExecuteReaderAsync(ct);
        List<Doomed> taken = [];
        while (await reader.ReadAsync(ct))
        {
            taken.Add(new Doomed(reader.GetString(0), reader.GetDateTime(1)));
        }

        return taken;
    }

    private sealed record Doomed(string Prefix, DateTime DueAt);
}
