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
using Npgsql;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>POST /v1/jobs</c>: reads and checks the request, stores the picture, then writes job, event and ticket in one transaction.
/// Whatever goes wrong on the way, nothing of the request is left behind.
/// </summary>
internal sealed partial class SubmitJob(
    JobTransitions transitions, ModelCatalog catalog, ImageIntake images, JobReader jobs, TimeProvider clock, ILogger<SubmitJob> log)
{
    private const int RetryAfterSeconds = 1;

    public static async Task<Results<Ok<JobObject>, Accepted<JobObject>, ProblemResult>> HandleAsync(
        HttpContext http, ClaimsPrincipal user, SubmitJob submit, JobWait waits, CancellationToken ct)
    {
        var headers = SubmitHeaders.Read(http.Request);
        var errors = new ErrorList();
        var request = await RequestReader.ReadAsync(http, errors);

        var (result, row) = await submit.SubmitAsync(request, headers, user.TenantId(), errors, ct);
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
        JobRequest request, SubmitHeaders headers, Guid tenant, ErrorList errors, CancellationToken ct)
    {
        var claim = headers.IdempotencyKey is { } key ? new IdempotencyClaim(key, request.CanonicalHash()) : null;
        if (!errors.Any && await transitions.FindReplayAsync(tenant, claim, ct) is { } seen)
        {
            // Known before the picture is fetched and decoded again; the same question is asked inside the transaction.
            return (seen, await FindAsync(seen, tenant, ct));
        }

        // 1. Everything that can be said without the picture, all at once.
        var model = await FindModelAsync(request.Model, errors, ct);
        var resolver = model is null ? null : new SettingsResolver(model, errors);
        var settings = resolver?.Resolve(request.Settings, DrawSeed);
        errors.ThrowIfAny();

        // 2. The picture, and the film's size that follows from it.
        var image = await images.ReadAsync(request.Image!, ct);
        settings = resolver!.WithSize(settings!, image.Width, image.Height);
        resolver.CheckFloors(request.Fit, settings);
        errors.ThrowIfAny();

        // 3. Stored first, so that no worker can be given a job without its picture.
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        var input = await StoreAsync(tenant, id, image, ct);
        var result = await WriteAsync(ToJob(id, tenant, request, headers, model!, settings, resolver.Warnings, input), claim);
        return (result, await FindAsync(result, tenant, ct));
    }

    private async Task<JobInput> StoreAsync(Guid tenant, Guid id, Media.NormalisedImage image, CancellationToken ct)
    {
        try
        {
            return await images.StoreAsync(tenant, id, image, ct);
        }
        catch
        {
            await images.DiscardAsync(tenant, id);
            throw;
        }
    }

    /// <summary>The transaction. It is not stopped when the client goes: it takes milliseconds, and half-known outcomes cost more.</summary>
    private async Task<SubmitResult> WriteAsync(NewJob job, IdempotencyClaim? claim)
    {
        SubmitResult result;
        try
        {
            result = await transitions.SubmitAsync(job, claim, CancellationToken.None);
        }
        catch (Exception error) when (error is NpgsqlException or TimeoutException or InvalidOperationException)
        {
            await DiscardUnlessWrittenAsync(job, error);
            throw;
        }

        if (result is not SubmitResult.Created)
        {
            await images.DiscardAsync(job.TenantId, job.Id);
        }

        return result;
    }

    /// <summary>A connection can break after the commit and before its answer. Then the job lives, and needs its picture.</summary>
    private async Task DiscardUnlessWrittenAsync(NewJob job, Exception error)
    {
        try
        {
            if (await jobs.FindAsync(job.Id, job.TenantId, CancellationToken.None) is null)
            {
                await images.DiscardAsync(job.TenantId, job.Id);
            }
        }
        catch (Exception second) when (second is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            LogUnknown(error, job.Id);
        }
    }

    private async Task<JobRow?> FindAsync(SubmitResult result, Guid tenant, CancellationToken ct) => result switch
    {
        SubmitResult.Created created => await jobs.FindAsync(created.JobId, tenant, ct),
        SubmitResult.Replayed replayed => await jobs.FindAsync(replayed.JobId, tenant, ct),
        _ => null,
    };

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
        Guid id, Guid tenant, JobRequest request, SubmitHeaders headers, ModelCapability model, JobSettings settings, IReadOnlyList<JobWarning> warnings, JobInput input) => new()
        {
            Id = id,
            TenantId = tenant,
            Lane = Lanes.ForModel(model.Name),
            Priority = request.Priority,
            Requested = request.Settings,
            Spec = new JobSpec { Model = model.Name, Settings = settings, Fit = request.Fit, Speed = request.Speed },
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

    [LoggerMessage(3102, LogLevel.Warning, "Whether job {JobId} was written is not known; its picture is kept")]
    private partial void LogUnknown(Exception error, Guid jobId);
}
