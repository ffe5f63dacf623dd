using I2V.Gateway.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary><c>GET /v1/models</c> and <c>/v1/models/{id}</c>.</summary>
internal static class GetModels
{
    public static async Task<Ok<ModelList>> ListAsync(ModelCatalog catalog, CancellationToken ct)
    {
        var models = await catalog.ReadAsync(ct);
        return TypedResults.Ok(new ModelList([.. models.Values.Select(model => ToObject(model, models))]));
    }

    public static async Task<Results<Ok<ModelObject>, ProblemResult>> OneAsync(string id, ModelCatalog catalog, CancellationToken ct)
    {
        var models = await catalog.ReadAsync(ct);
        return models.TryGetValue(id, out var model)
            ? TypedResults.Ok(ToObject(model, models))
            : Problems.NotFound("No worker has brought a model of this name.");
    }

    private static ModelObject ToObject(ModelCapability model, IReadOnlyDictionary<string, ModelCapability> all) => new()
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
        Fit = model.Fit,
    };
}
