using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>POST /v1/jobs</c>: reads and checks the request, reads the picture, and hands both over to <see cref="AcceptJob"/>. Whatever
/// goes wrong on the way, nothing of the request is left behind.
/// </summary>
internal sealed class SubmitJob(
    JobTransitions transitions, CheckRequest check, RefitJobs refit, AcceptJob accept, JobReader jobs, TimeProvider clock)
{
    public static async Task<Results<Ok<JobObject>, Accepted<JobObject>, ProblemResult>> HandleAsync(
        HttpContext http, ClaimsPrincipal user, SubmitJob submit, JobWait waits, CancellationToken ct)
    {
        var headers = SubmitHeaders.Read(http.Request);
        var errors = new ErrorList();
        var request = await RequestReader.ReadAsync(http, errors);

        return await SubmitAnswer.TellAsync(http, await submit.SubmitAsync(request, headers, user, errors, ct), headers, waits, ct);
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

        // 1. Everything is checked, and the picture read.
        var found = await check.CheckAsync(request, user, errors, ct);

        // 2. Who may take it.
        var spec = new JobSpec { Model = found.Model.Name, Settings = found.Settings, Fit = request.Fit, Speed = request.Speed, StepsGiven = request.Settings.Steps is not null };
        var (lane, needed) = await refit.FindLaneAsync(spec.Model, FitQuestion.Of(spec.Settings, spec.Fit), ct);

        // 3. The picture is stored and the job written.
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        var result = await accept.AcceptAsync(
            tenant, id, found.Image!, input => ToJob(id, tenant, request, headers, input, spec, found) with { Lane = lane, NeededBytes = needed }, claim, ct);
        if (result is SubmitResult.Created && request.Fit.Policy == FitPolicy.Fail)
        {
            // Nobody waits for an answer that is known.
            await refit.CheckAsync(id, CancellationToken.None);
        }

        return (result, await FindAsync(result, tenant, ct));
    }

    private async Task<JobRow?> FindAsync(SubmitResult result, Guid tenant, CancellationToken ct) => result switch
    {
        SubmitResult.Created created => await jobs.FindAsync(created.JobId, tenant, ct),
        SubmitResult.Replayed replayed => await jobs.FindAsync(replayed.JobId, tenant, ct),
        _ => null,
    };

    private static NewJob ToJob(
        Guid id, Guid tenant, JobRequest request, SubmitHeaders headers, JobInput input, JobSpec spec, CheckedRequest found) => new()
        {
            Id = id,
            TenantId = tenant,
            Lane = Lanes.ForModel(spec.Model),
            Priority = found.Priority,
            Requested = request.Settings,
            Spec = spec,
            Warnings = found.Warnings,
            Tags = request.Tags,
            Output = request.Output,
            Webhook = request.Webhook,
            Input = input,
            CancelAfter = headers.CancelAfter,
            StartWithin = headers.StartTimeout,
            Traceparent = headers.Traceparent,
        };
}
