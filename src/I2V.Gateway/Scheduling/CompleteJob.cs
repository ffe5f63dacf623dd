using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Storage;
using I2V.Protocol.Errors;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Request = I2V.Protocol.Workers.CompleteJob;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// <c>POST /worker/v1/claims/{lease}/complete</c>: reads the stored files back, outside any transaction, and makes them the
/// job's result if the attempt still holds the lease by then.
/// </summary>
internal static class CompleteJob
{
    public static async Task<Results<Ok<AttemptEnded>, ProblemResult>> HandleAsync(
        Guid lease, Request request, JobTransitions transitions, IObjectStore objects, CancellationToken ct)
    {
        if (AttemptFiles.FindProblems(request.Artifacts) is { Count: > 0 } problems)
        {
            return Problems.Invalid(problems);
        }

        if (request.Artifacts.FirstOrDefault(file => file.Name == AttemptFiles.Video) is not { } video)
        {
            return Problems.Invalid("/artifacts", "A completed job needs the artifact video.");
        }

        var held = new Lease(request.JobId, request.Attempt, lease);
        if (await transitions.HeartbeatAsync(held, progress: null, plan: null, ct) is not { } beat)
        {
            return Answer(await transitions.FindCompletedAsync(held, video.Sha256, ct));
        }

        StoredArtifact[] outputs = [.. request.Artifacts.Select(file => new StoredArtifact(AttemptFiles.KeyOf(beat.TenantId, held, file.Name), file))];
        foreach (var output in outputs)
        {
            if (await FindMismatchAsync(output, objects, ct) is { } mismatch)
            {
                return Problems.Of(ErrorCode.InvalidInput, mismatch, StatusCodes.Status422UnprocessableEntity);
            }
        }

        var result = new AttemptResult
        {
            Outputs = outputs,
            Sha256 = video.Sha256,
            Applied = request.Applied,
            Degradations = request.Degradations,
            Warnings = request.Warnings,
            Metrics = request.Metrics,
        };
        return Answer(await transitions.CompleteAsync(held, result, ct));
    }

    private static Results<Ok<AttemptEnded>, ProblemResult> Answer(AttemptEnded? ended) =>
        ended is null ? LeaseProblems.Gone() : TypedResults.Ok(ended);

    /// <summary>Only the bytes themselves prove what was stored: metadata is what somebody said about them.</summary>
    private static async Task<string?> FindMismatchAsync(StoredArtifact output, IObjectStore objects, CancellationToken ct)
    {
        var file = output.File;
        var stored = await objects.HeadAsync(output.Key, ct);
        if (stored is null)
        {
            return $"The {file.Name} was not uploaded.";
        }

        if (stored.Bytes != file.Bytes)
        {
            return FormattableString.Invariant($"The stored {file.Name} has {stored.Bytes} bytes, and {file.Bytes} were announced.");
        }

        return await objects.Sha256Async(output.Key, ct) == file.Sha256
            ? null
            : $"The stored {file.Name} has another SHA-256 than was announced.";
    }
}
