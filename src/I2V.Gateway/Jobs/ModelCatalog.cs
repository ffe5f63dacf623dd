using I2V.Gateway.Database;
using I2V.Protocol.Workers;
using Microsoft.EntityFrameworkCore;

namespace I2V.Gateway.Jobs;

/// <summary>
/// The models that workers have brought, newest registration first. A model stays known while its workers are away, so that jobs can
/// be queued for them. Read at most every two seconds, since every submit asks.
/// </summary>
internal sealed class ModelCatalog(IServiceScopeFactory scopes, TimeProvider clock)
{
    public const string Preferred = "motion";

    private static readonly TimeSpan RememberFor = TimeSpan.FromSeconds(2);

    private Snapshot? remembered;

    /// <summary>By name, in the order of names.</summary>
    public async Task<IReadOnlyDictionary<string, ModelCapability>> ReadAsync(CancellationToken ct)
    {
        if (remembered is { } snapshot && clock.GetElapsedTime(snapshot.ReadAt) < RememberFor)
        {
            return snapshot.Models;
        }

        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<JobsDb>();

        // The newest incarnation of each device speaks for it; older ones may have had other packages.
        var newest = await db.Workers
            .GroupBy(worker => worker.DeviceId)
            .Select(group => group.OrderByDescending(worker => worker.RegisteredAt).First())
            .ToListAsync(ct);
        var models = new SortedDictionary<string, ModelCapability>(StringComparer.Ordinal);
        foreach (var model in newest.OrderByDescending(worker => worker.RegisteredAt).SelectMany(worker => worker.Models))
        {
            models.TryAdd(model.Name, model);
        }

        if (models.Count > 0)
        {
            remembered = new Snapshot(models, clock.GetTimestamp());
        }

        return models;
    }

    /// <summary>The model for a request that names none: <c>motion</c> where there is one, else the only or first one.</summary>
    public static ModelCapability? Default(IReadOnlyDictionary<string, ModelCapability> models) =>
        models.TryGetValue(Preferred, out var preferred) ? preferred : models.Values.FirstOrDefault();

    private sealed record Snapshot(IReadOnlyDictionary<string, ModelCapability> Models, long ReadAt);
}
