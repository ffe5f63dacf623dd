using I2V.Gateway.Database;
using I2V.Gateway.Jobs;
using I2V.Gateway.Storage;
using I2V.Gateway.Workers;
using MassTransit;
using Npgsql;

namespace I2V.Gateway.Health;

/// <summary>
/// Whether jobs can be accepted: database migrated, storage writable, a model known. Broker and workers are shown and decide
/// nothing, since jobs are accepted without them.
/// </summary>
internal sealed class Readiness(
    DatabaseStartup database, IObjectStore objects, WorkerReader workers, ModelCatalog models, IBusControl bus)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public async Task<ReadinessReport> CheckAsync(CancellationToken ct)
    {
        var checks = new Dictionary<string, Check>
        {
            ["database"] = CheckDatabase(),
            ["storage"] = await TryAsync(required: true, CheckStorageAsync, ct),
            ["models"] = await TryAsync(required: true, CountModelsAsync, ct),
            ["workers"] = await TryAsync(required: false, CountWorkersAsync, ct),
            ["broker"] = CheckBroker(),
        };
        return new ReadinessReport(checks.Values.All(check => check.Ok || !check.Required) ? "ready" : "not_ready", checks);
    }

    private Check CheckDatabase() =>
        new(database.IsMigrated, Required: true, database.IsMigrated ? "The schema is up to date." : "The schema is not up to date yet.");

    private async Task<(bool Ok, string Detail)> CheckStorageAsync(CancellationToken ct)
    {
        await objects.CheckAsync(ct);
        return (true, "Objects can be written.");
    }

    private async Task<(bool Ok, string Detail)> CountModelsAsync(CancellationToken ct)
    {
        var known = await models.ReadAsync(ct);
        return known.Count == 0
            ? (false, "No worker has brought a model yet. Start one.")
            : (true, "Known: " + string.Join(", ", known.Keys));
    }

    private async Task<(bool Ok, string Detail)> CountWorkersAsync(CancellationToken ct)
    {
        var live = await workers.CountLiveAsync(ct);
        return (live > 0, FormattableString.Invariant($"{live} alive"));
    }

    private Check CheckBroker()
    {
        var health = bus.CheckHealth();
        return health.Status == BusHealthStatus.Healthy
            ? new Check(Ok: true, Required: false, "It is connected.")
            : new Check(Ok: false, Required: false, "It is not connected. Tickets wait in the outbox, and idle workers ask by themselves.");
    }

    private static async Task<Check> TryAsync(
        bool required, Func<CancellationToken, Task<(bool Ok, string Detail)>> check, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            var (ok, detail) = await check(patience.Token);
            return new Check(ok, required, detail);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Check(Ok: false, required, "It did not answer in time.");
        }
        catch (NpgsqlException)
        {
            return new Check(Ok: false, required, "The database cannot be reached.");
        }
        catch (StorageException error)
        {
            return new Check(Ok: false, required, error.Message);
        }
    }
}
