using I2V.Gateway.Errors;
using I2V.Gateway.Storage;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Request = I2V.Protocol.Workers.BeginUpload;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// <c>POST /worker/v1/claims/{lease}/uploads</c>: signed PUT links below the attempt's own number. A stale attempt is refused
/// here, before it has sent a byte.
/// </summary>
internal static class BeginUpload
{
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromMinutes(15);

    public static async Task<Results<Ok<UploadTargets>, ProblemResult>> HandleAsync(
        Guid lease, Request request, JobTransitions transitions, IObjectStore objects, CancellationToken ct)
    {
        if (AttemptFiles.FindProblems(request.Artifacts) is { Count: > 0 } problems)
        {
            return Problems.Invalid(problems);
        }

        var held = new Lease(request.JobId, request.Attempt, lease);
        if (await transitions.HeartbeatAsync(held, progress: null, plan: null, ct) is not { } beat
            || !await transitions.BeginUploadAsync(held, LinkLifetime, ct))
        {
            return LeaseProblems.Gone();
        }

        return TypedResults.Ok(new UploadTargets([.. request.Artifacts.Select(Target)]));

        UploadTarget Target(Artifact file)
        {
            var link = objects.SignPut(AttemptFiles.KeyOf(beat.TenantId, held, file.Name), file.ContentType, file.Bytes, LinkLifetime);
            return new UploadTarget(file.Name, link.Url, link.Headers);
        }
    }
}
