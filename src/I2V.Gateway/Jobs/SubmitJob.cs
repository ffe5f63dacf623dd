using System.Globalization;
using System.Security.Claims;
using System.Security.Cryptography;
using I2V.Gateway.Access;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Bus;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>POST /v1/jobs</c>: reads and checks the request, reads the picture, and hands both over to <see cref="AcceptJob"/>. Whatever
/// goes wrong on the way, nothing of the request is left behind.
/// </summary>
internal sealed class SubmitJob(
    JobTransitions transitions, ModelCatalog catalog, ImageIntake images, AcceptJob accept, JobReader jobs, TimeProvider clock)
{
    private const int RetryAfterSeconds = 1;

    public static async Task<Results<Ok<JobObject>, Accepted<JobObject>, ProblemResult>> HandleAsync(
        HttpContext http, ClaimsPrincipal user, SubmitJob submit, JobWait waits, CancellationToken ct)
    {
        var headers = SubmitHeaders.Read(http.Request);
        var errors = new ErrorList();
        var request = await RequestReader.ReadAsync(http, errors);

        var (result, row) = await submit.SubmitAsync(request, headers, user, errors, ct);
        if (row is null)
        {
            return Refuse(result);
        }

        if (result is SubmitResult.Replayed)
        {
            http.Response.Headers["Idempotent-Replayed"] = "true";
        }

        if (headers.Wait is { } wait)
        {
            http.Response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={wait.TotalSeconds:0}");
        }

        if (await waits.UntilAsync(row, headers.Wait ?? TimeSpan.Zero, view => view.Job.Status.IsTerminal(), ct) is not { Job: var job })
        {
            return JobReader.NotFound();
        }

        if (headers.Wait is not null && job.Status.IsTerminal())
        {
            return TypedResults.Ok(job);
        }

        http.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        return TypedResults.Accepted(job.Urls.Self, job);
    }

    /// <returns>What became of it, and the job's row where there is one now.</returns>
    private async Task<(SubmitResult Result, JobRow? Row)> SubmitAsync(
        JobRequest request, SubmitHeaders headers, ClaimsPrincipal user, ErrorList errors, CancellationToken ct)
    {
        var tenant = user.TenantId();
        var claim = headers.IdempotencyKey is { } key ? new IdempotencyClaim(key, request.CanonicalHash()) : null;
        if (!errors.Any && await transitions.FindReplayAsync(tenant, claim, ct) is { } seen)
        {
            // Known before the picture is fetched and decoded again; the same question is asked inside the transaction.
            return (seen, await FindAsync(seen, tenant, ct));
        }

        // 1. Everything that can be said without the picture, all at once.
        var priority = FindPriority(request.Priority, user.MaxPriority(), errors);
        var model = await FindModelAsync(request.Model, errors, ct);
        var resolver = model is null ? null : new SettingsResolver(model, errors);
        var settings = resolver?.Resolve(request.Settings, DrawSeed);
        errors.ThrowIfAny();

        // 2. The picture, and the film's size that follows from it.
        var image = await images.ReadAsync(request.Image!, ct);
        settings = resolver!.WithSize(settings!, image.Width, image.Height);
        resolver.CheckFloors(request.Fit, settings);
        errors.ThrowIfAny();

        // 3. The picture is stored and the job written.
        var spec = new JobSpec { Model = model!.Name, Settings = settings, Fit = request.Fit, Speed = request.Speed };
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        var result = await accept.AcceptAsync(
            tenant, id, image, input => ToJob(id, tenant, request, headers, input, spec, priority, resolver.Warnings), claim, ct);
        return (result, await FindAsync(result, tenant, ct));
    }

    private async Task<JobRow?> FindAsync(SubmitResult result, Guid tenant, CancellationToken ct) => result switch
    {
        SubmitResult.Created created => await jobs.FindAsync(created.JobId, tenant, ct),
        SubmitResult.Replayed replayed => await jobs.FindAsync(replayed.JobId, tenant, ct),
        _ => null,
    };

    /// <summary>What the user asked for, or 0; never more than the tenant may have.</summary>
    private static int FindPriority(int? asked, int most, ErrorList errors)
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

    private static NewJob ToJob(
        Guid id, Guid tenant, JobRequest request, SubmitHeaders headers, JobInput input, JobSpec spec, int priority, IReadOnlyList<JobWarning> warnings) => new()
        {
            Id = id,
            TenantId = tenant,
            Lane = Lanes.ForModel(spec.Model),
            Priority = priority,
            Requested = request.Settings,
            Spec = spec,
            Warnings = warnings,
            Tags = request.Tags,
            Output = request.Output,
            Input = input,
            CancelAfter = headers.CancelAfter,
            StartWithin = headers.StartTimeout,
            Traceparent = headers.Traceparent,
        };

    /// <summary>Fits every language's 32-bit integer, so that a seed can be copied anywhere.</summary>
    private static long DrawSeed() => RandomNumberGenerator.GetInt32(int.MaxValue);

    private static ProblemResult Refuse(SubmitResult result) => result switch
    {
        SubmitResult.KeyReused => Problems.IdempotencyKeyReused(),
        SubmitResult.QueueFull full => Problems.QueueFull($"Your queue holds {full.MaxQueued} jobs, as many as it may. Try again when some have run."),
        _ => JobReader.NotFound(),
    };
}
