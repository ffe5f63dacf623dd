using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary><c>PATCH /v1/jobs/{id}</c>: priority, tags and hold. All of it is done or nothing; saying it again changes nothing.</summary>
internal static class PatchJob
{
    public static async Task<Results<Ok<JobObject>, ProblemResult>> HandleAsync(
        string id, HttpContext http, ClaimsPrincipal user, JobReader jobs, JobTransitions transitions, JobObjects objects, CancellationToken ct)
    {
        if (await jobs.FindAsync(id, user, ct) is not { } row)
        {
            return JobReader.NotFound();
        }

        var change = await ReadAsync(http, user);
        switch (await transitions.ChangeAsync(row.TenantId, row.Id, change, ct))
        {
            case ChangeResult.Refused refused:
                return Problems.Conflict($"The job is {refused.State}: its priority and hold can be changed only while it is queued or held. Nothing was changed.");
            case ChangeResult.Changed when await jobs.FindAsync(row.Id, row.TenantId, ct) is { } now:
                return TypedResults.Ok((await objects.ToViewAsync(now, ct)).Job);
            default:
                return JobReader.NotFound();
        }
    }

    private static async Task<JobChange> ReadAsync(HttpContext http, ClaimsPrincipal user)
    {
        var errors = new ErrorList();
        var body = await SmallBody.ReadAsync(http, errors, isOptional: false);
        var change = new JobChange(
            body.Integer("priority", RequestBinder.MinPriority, RequestBinder.MaxPriority),
            body.Object("tags") is { } tags ? RequestBinder.BindTags(tags, errors) : null,
            body.Flag("hold"));
        body.Close();
        if (change.Priority is { } priority)
        {
            CheckRequest.FindPriority(priority, user.MaxPriority(), errors);
        }

        if (!errors.Any && change == new JobChange())
        {
            errors.Add("", "Says nothing to change. Give priority, tags or hold.");
        }

        errors.ThrowIfAny();
        return change;
    }
}
