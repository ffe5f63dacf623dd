using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Webhooks;
using I2V.Media;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Jobs;

/// <summary>A request that has passed every check.</summary>
/// <param name="Model">What makes the film.</param>
/// <param name="Priority">Never more than the tenant may have.</param>
/// <param name="Settings">With every default filled in.</param>
/// <param name="Warnings">What the user should know about them.</param>
/// <param name="Image">Upright and plain; null only where none was needed.</param>
internal sealed record CheckedRequest(
    ModelCapability Model, int Priority, JobSettings Settings, IReadOnlyList<JobWarning> Warnings, NormalisedImage? Image);

/// <summary>Checks a request against the model, the tenant and the picture: the same for a submit and for an estimate.</summary>
internal sealed class CheckRequest(ModelCatalog catalog, ImageIntake images, CheckWebhook webhooks)
{
    /// <param name="request">As it was read.</param>
    /// <param name="user">Whose it is.</param>
    /// <param name="errors">What was wrong with its form already.</param>
    /// <param name="ct">Stops the fetching and decoding of the picture.</param>
    /// <exception cref="RefusedException">Something is wrong with it; everything that could be found is named.</exception>
    public async Task<CheckedRequest> CheckAsync(JobRequest request, ClaimsPrincipal user, ErrorList errors, CancellationToken ct)
    {
        // 1. Everything that can be said without the picture, all at once.
        var priority = FindPriority(request.Priority, user.MaxPriority(), errors);
        var model = await FindModelAsync(request.Model, errors, ct);
        await webhooks.CheckAsync(request.Webhook, user.TenantId(), errors, ct);
        var resolver = model is null ? null : new SettingsResolver(model, errors);
        var settings = resolver?.Resolve(request.Settings, DrawSeed);
        if (request.Image is null && settings is { } open && (open.Width is null || open.Height is null))
        {
            errors.Add("/input/image", "Give the image, or both width and height: the film's size follows from one of them.");
        }

        errors.ThrowIfAny();

        // 2. The picture, and the film's size that follows from it.
        var image = request.Image is { } source ? await images.ReadAsync(source, ct) : null;
        settings = image is null ? settings! : resolver!.WithSize(settings!, image.Width, image.Height);
        resolver!.CheckFloors(request.Fit, settings);
        errors.ThrowIfAny();
        return new CheckedRequest(model!, priority, settings, resolver.Warnings, image);
    }

    /// <summary>What the user asked for, or 0; never more than the tenant may have.</summary>
    public static int FindPriority(int? asked, int most, ErrorList errors)
    {
        if (asked > most)
        {
            errors.Add("/priority", string.Create(
                CultureInfo.InvariantCulture, $"Is {asked}; your tenant may use {RequestBinder.MinPriority} to {most}."));
        }

        return Math.Min(asked ?? 0, most);
    }

    private async Task<ModelCapability?> FindModelAsync(string? name, ErrorList errors, CancellationToken ct)
    {
        if (errors.Has("/model"))
        {
            return null;
        }

        var models = await catalog.ReadAsync(ct);
        if (name is null)
        {
            return ModelCatalog.Default(models) ?? throw NoModels();
        }

        if (models.TryGetValue(name, out var model))
        {
            return model;
        }

        errors.Add("/model", $"There is no model of this name. Known: {string.Join(", ", models.Keys)}.", ErrorCode.UnsupportedModel);
        return null;
    }

    private static RefusedException NoModels() => new(Problems.Of(
        ErrorCode.NoCapableWorker, "No worker has brought a model yet. Try again when one has registered.", StatusCodes.Status503ServiceUnavailable));

    /// <summary>Fits every language's 32-bit integer, so that a seed can be copied anywhere.</summary>
    private static long DrawSeed() => RandomNumberGenerator.GetInt32(int.MaxValue);
}
