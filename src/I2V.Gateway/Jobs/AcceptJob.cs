using I2V.Gateway.Limits;
using I2V.Gateway.Scheduling;
using I2V.Media;
using Npgsql;

namespace I2V.Gateway.Jobs;

/// <summary>
/// Stores the picture, then writes job, event and ticket in one transaction. Where there is no job in the end, there is no picture
/// either.
/// </summary>
internal sealed partial class AcceptJob(
    JobTransitions transitions, ImageIntake images, JobReader jobs, StoredBytes stored, ILogger<AcceptJob> log)
{
    /// <param name="tenant">Whose job it is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="image">The picture, which is stored first, so that no worker can be given a job without it.</param>
    /// <param name="toJob">Makes the job from where its picture lies.</param>
    /// <param name="claim">The request's <c>Idempotency-Key</c>, or null.</param>
    /// <param name="ct">Stops the storing, but not the transaction.</param>
    /// <exception cref="Errors.RefusedException">The tenant stores as much as it may.</exception>
    public async Task<SubmitResult> AcceptAsync(
        Guid tenant, Guid id, NormalisedImage image, Func<JobInput, NewJob> toJob, IdempotencyClaim? claim, CancellationToken ct)
    {
        using var room = await stored.ReserveAsync(tenant, image.Png.Length, ct);
        return await WriteAsync(toJob(await StoreAsync(tenant, id, image, ct)), claim);
    }

    private async Task<JobInput> StoreAsync(Guid tenant, Guid id, NormalisedImage image, CancellationToken ct)
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

    [LoggerMessage(3102, LogLevel.Warning, "Whether job {JobId} was written is not known; its picture is kept")]
    private partial void LogUnknown(Exception error, Guid jobId);
}
