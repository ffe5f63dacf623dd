using System.Security.Claims;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary><c>DELETE /v1/jobs/{id}</c>: ends the job if need be, then removes its row and everything that it stored.</summary>
internal sealed class DeleteJob(JobTransitions transitions, JobWait waits, IObjectStore store)
{
    /// <summary>Two heartbeats: a worker that has stopped by then uploads nothing afterwards.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(6);

    public static async Task<Results<NoContent, ProblemResult>> HandleAsync(
        string id, ClaimsPrincipal user, JobReader jobs, DeleteJob delete, CancellationToken ct)
    {
        if (await jobs.FindAsync(id, user, ct) is not { } job)
        {
            return JobReader.NotFound();
        }

        return await delete.EndAndRemoveAsync(job, ct) ? TypedResults.NoContent() : JobReader.NotFound();
    }

    private async Task<bool> EndAndRemoveAsync(JobRow job, CancellationToken ct)
    {
        if (await transitions.CancelAsync(job.TenantId, job.Id, ct) == CancelResult.Canceling)
        {
            await waits.UntilAsync(job, Patience, view => view.Job.Status.IsTerminal(), ct);
        }

        return await RemoveAsync(job.TenantId, job.Id, ct);
    }

    /// <summary>
    /// Objects first: when the store is away the job stays and the call can be repeated. Then the row, without which no worker
    /// gets another upload link, and at last what was uploaded in between.
    /// </summary>
    private async Task<bool> RemoveAsync(Guid tenant, Guid job, CancellationToken ct)
    {
        await store.DeletePrefixAsync(ArtifactKeys.Job(tenant, job), ct);
        if (!await transitions.DeleteAsync(tenant, job, ct))
        {
            return false;
        }

        await store.DeletePrefixAsync(ArtifactKeys.Job(tenant, job), CancellationToken.None);
        return true;
    }
}
