using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary><c>GET /v1/models</c> and <c>/v1/models/{id}</c>.</summary>
internal static class GetModels
{
    public static async Task<Ok<ModelList>> ListAsync(ModelCatalog catalog, Fleet fleet, CancellationToken ct)
    {
        var models = await catalog.ReadAsync(ct);
        var workers = await fleet.ReadAsync(ct);
        return TypedResults.Ok(new ModelList([.. models.Values.Select(model => ToObject(model, models, workers))]));
    }

    public static async Task<Results<Ok<ModelObject>, ProblemResult>> OneAsync(string id, ModelCatalog catalog, Fleet fleet, CancellationToken ct)
    {
        var models = await catalog.ReadAsync(ct);
        return models.TryGetValue(id, out var model)
            ? TypedResults.Ok(ToObject(model, models, await fleet.ReadAsync(ct)))
            : Problems.NotFound("No worker has brought a model of this name.");
    }

    private static ModelObject ToObject(ModelCapability model, IReadOnlyDictionary<string, ModelCapability> all, IReadOnlyList<FleetWorker> fleet) => new()
    {
        Id = model.Name,
        Family = model.Family,
        Version = model.Version,
        License = model.License,
        Description = model.Description,
        Default = ModelCatalog.Default(all) == model,
        Limits = model.Limits,
        UsedSettings = model.UsedSettings,
        Defaults = model.Defaults,
        Presets = model.Presets,
        Fit = [.. ToTables(model.Name, fleet)],
    };

    /// <summary>By device, the smallest card first, which says for its likes what is certain.</summary>
    private static IEnumerable<DeviceFit> ToTables(string model, IReadOnlyList<FleetWorker> fleet) =>
        from worker in fleet
        let capability = worker.Find(model)
        where capability is not null && capability.Fit.Count > 0
        group (worker.Device, capability.Fit) by worker.Device.Name into alike
        let smallest = alike.MinBy(member => member.Device.MemoryTotalBytes)
        orderby smallest.Device.MemoryTotalBytes, alike.Key
        select new DeviceFit(alike.Key, smallest.Device.MemoryTotalBytes, alike.Count(), smallest.Fit);
}
