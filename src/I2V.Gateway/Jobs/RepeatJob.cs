using System.Security.Cryptography;
using System.Text;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.Media;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Jobs;

/// <summary>What a job that is made of another one shall do.</summary>
internal sealed record Repetition(JobSettings Requested, JobSpec Spec, IReadOnlyList<JobWarning> Warnings)
{
    /// <summary>The whole job's time, unless the request's header says another; null for no limit.</summary>
    public TimeSpan? CancelAfter { get; init; }

    /// <summary>The time until its start, as above.</summary>
    public TimeSpan? StartWithin { get; init; }
}

/// <summary>
/// Makes a new job of another one's stored picture. The picture is copied, so that either job can be deleted without the other
/// missing anything.
/// </summary>
internal sealed class RepeatJob(
    JobTransitions transitions, ModelCatalog catalog, RefitJobs refit, AcceptJob accept, JobReader jobs, IObjectStore store, TimeProvider clock)
{
    /// <param name="origin">The job that it is made of.</param>
    /// <param name="how">What is asked for, in words that are the same for the same request: what its <c>Idempotency-Key</c> stands for.</param>
    /// <param name="headers">The request's.</param>
    /// <param name="maxPriority">The highest that the tenant may have now.</param>
    /// <param name="make">Decides what the new job shall do with the model as it is now, or refuses.</param>
    /// <param name="ct">Stops it before the job is written.</param>
    /// <exception cref="RefusedException">The job cannot be made.</exception>
    public async Task<(SubmitResult Result, JobRow? Row)> RepeatAsync(
        JobRow origin, string how, SubmitHeaders headers, int maxPriority, Func<ModelCapability, Repetition> make, CancellationToken ct)
    {
        var words = Encoding.UTF8.GetBytes($"{how} {origin.Id:N}");
        var claim = headers.IdempotencyKey is { } key ? new IdempotencyClaim(key, SHA256.HashData(words)) : null;
        if (await transitions.FindReplayAsync(origin.TenantId, claim, ct) is { } seen)
        {
            return (seen, await FindAsync(seen, origin.TenantId, ct));
        }

        // 1. What it shall do, who may take it, and the picture.
        var made = make(await FindModelAsync(origin.Model, ct));
        var (lane, needed) = await refit.FindLaneAsync(made.Spec.Model, FitQuestion.Of(made.Spec.Settings, made.Spec.Fit), ct);
        var image = await ReadInputAsync(origin, ct);

        // 2. The copy is stored and the job written.
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        var result = await accept.AcceptAsync(
            origin.TenantId, id, image, input => ToJob(id, origin, made, headers, input, maxPriority) with { Lane = lane, NeededBytes = needed }, claim, ct);
        if (result is SubmitResult.Created && made.Spec.Fit.Policy == FitPolicy.Fail)
        {
            await refit.CheckAsync(id, CancellationToken.None);
        }

        return (result, await FindAsync(result, origin.TenantId, ct));
    }

    /// <exception cref="RefusedException">The job is not in one of these states.</exception>
    public static void Require(JobRow job, string verb, params JobStatus[] states)
    {
        if (!states.Contains(job.State))
        {
            var words = string.Join(", ", states.Select(state => state.ToString().ToLowerInvariant()));
            throw new RefusedException(Problems.Conflict($"The job is {job.State.ToString().ToLowerInvariant()}; to {verb} it, it must be {words}."));
        }
    }

    private async Task<ModelCapability> FindModelAsync(string name, CancellationToken ct) =>
        (await catalog.ReadAsync(ct)).TryGetValue(name, out var model)
            ? model
            : throw new RefusedException(Problems.Invalid("", $"The job's model {name} is no longer there: no worker has it.", ErrorCode.UnsupportedModel));

    /// <summary>What a worker would be given: anything else than the very bytes that were stored is refused.</summary>
    private async Task<NormalisedImage> ReadInputAsync(JobRow origin, CancellationToken ct)
    {
        try
        {
            await using var stored = await store.OpenReadAsync(origin.InputKey, range: null, ct);
            if (await BoundedBody.TryReadAsync(stored, origin.InputBytes, ct) is { } bytes
                && Convert.ToHexStringLower(SHA256.HashData(bytes.Span)) == origin.InputSha256)
            {
                return new NormalisedImage(origin.InputWidth, origin.InputHeight, bytes.ToArray(), "png");
            }
        }
        catch (StorageException error) when (error.Error == StorageError.NotFound)
        {
            throw Gone("is no longer stored");
        }

        throw Gone("is not stored any more as it was");
    }

    private static RefusedException Gone(string what) =>
        new(Problems.Conflict($"The job's picture {what}. Submit the picture again, as a new job."));

    private async Task<JobRow?> FindAsync(SubmitResult result, Guid tenant, CancellationToken ct) => result switch
    {
        SubmitResult.Created created => await jobs.FindAsync(created.JobId, tenant, ct),
        SubmitResult.Replayed replayed => await jobs.FindAsync(replayed.JobId, tenant, ct),
        _ => null,
    };

    private static NewJob ToJob(Guid id, JobRow origin, Repetition made, SubmitHeaders headers, JobInput input, int maxPriority) => new()
    {
        Id = id,
        TenantId = origin.TenantId,
        Lane = origin.Lane,
        Priority = Math.Min(origin.Priority, maxPriority),
        Requested = made.Requested,
        Spec = made.Spec,
        Warnings = made.Warnings,
        Tags = origin.Tags,
        Output = new JobOutputOptions { ExpiresIn = origin.OutputExpiresIn },
        Input = input,
        RunTimeout = TimeSpan.FromSeconds(origin.RunTimeoutSeconds),
        CancelAfter = headers.CancelAfter ?? made.CancelAfter,
        StartWithin = headers.StartTimeout ?? made.StartWithin,
        RetryOf = origin.Id,
        Webhook = origin.Webhook,
        Traceparent = headers.Traceparent,
    };
}
