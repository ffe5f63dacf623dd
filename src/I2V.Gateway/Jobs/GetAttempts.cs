using System.Security.Claims;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace I2V.Gateway.Jobs;

/// <summary><c>GET /v1/jobs/{id}/attempts</c>: who tried, when, and how it ended.</summary>
internal static class GetAttempts
{
    public static async Task<Results<Ok<JobAttemptList>, ProblemResult>> HandleAsync(
        string id, ClaimsPrincipal user, JobReader jobs, JobsDb db, CancellationToken ct)
    {
        if (await jobs.FindAsync(id, user, ct) is not { } job)
        {
            return JobReader.NotFound();
        }

        var rows = await db.Attempts.Where(row => row.JobId == job.Id).OrderBy(row => row.Attempt).ToListAsync(ct);
        return TypedResults.Ok(new JobAttemptList([.. rows.Select(ToAttempt)]));
    }

    private static JobAttempt ToAttempt(AttemptRow row) => new()
    {
        Number = row.Attempt,
        Worker = row.WorkerName,
        Gpu = new GpuInfo(row.Device.Name, row.Device.MemoryTotalBytes),
        StartedAt = row.StartedAt,
        EndedAt = row.EndedAt,
        Outcome = row.Outcome,
        Progress = row.Progress,
        Error = row.ErrorCode is { } code ? new JobError(code, row.ErrorMessage ?? "", ErrorCode.IsRetryable(code)) : null,
    };
}
