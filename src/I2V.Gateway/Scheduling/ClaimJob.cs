using I2V.Gateway.Errors;
using I2V.Gateway.Storage;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Scheduling;

/// <summary><c>POST /worker/v1/claims</c>: the best waiting job for this worker now, or 204.</summary>
internal static class ClaimJob
{
    // A link must outlive the attempt, which may read its input late.
    private static readonly TimeSpan LinkMargin = TimeSpan.FromMinutes(5);

    public static async Task<Results<Ok<ClaimedJob>, NoContent, ProblemResult>> HandleAsync(
        ClaimRequest request, JobTransitions transitions, IObjectStore objects, IOptions<SchedulingOptions> options, CancellationToken ct)
    {
        var claimant = new Claimant(request.WorkerId, request.MemoryFreeBytes, request.WarmModel, request.HostFreeBytes);
        return await transitions.ClaimAsync(claimant, ct) switch
        {
            ClaimResult.Claimed claimed => TypedResults.Ok(Describe(claimed.Job, objects, options.Value)),
            ClaimResult.UnknownWorker => Problems.NotFound("This worker is not registered, or another took over its device. Register again."),
            _ => TypedResults.NoContent(),
        };
    }

    private static ClaimedJob Describe(LeasedJob job, IObjectStore objects, SchedulingOptions options)
    {
        var lifetime = TimeSpan.FromSeconds(job.RunTimeoutSeconds) + LinkMargin;
        return new ClaimedJob
        {
            JobId = job.Lease.JobId,
            Attempt = job.Lease.Attempt,
            LeaseToken = job.Lease.Token,
            LeaseSeconds = options.LeaseSeconds,
            RunTimeoutSeconds = job.RunTimeoutSeconds,
            Spec = job.Spec,
            InputUrl = objects.SignGet(job.InputKey, lifetime).Url,
            InputSha256 = job.InputSha256,
            Traceparent = job.Traceparent,
        };
    }
}
