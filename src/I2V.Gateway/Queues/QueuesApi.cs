using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.OpenApi;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Queues;

/// <summary>Every address under <c>/v1/queues</c>.</summary>
internal static class QueuesApi
{
    public static IServiceCollection AddQueues(this IServiceCollection services) => services.AddSingleton<QueueReader>();

    public static void MapQueues(this IEndpointRouteBuilder routes)
    {
        var read = routes.MapGroup("/v1/queues").WithTags("Queues").RequireAuthorization(Scopes.JobsRead);
        read.MapGet("/", ListAsync).WithName("ListQueues").WithSummary("Tells what waits and runs in each lane");

        var manage = routes.MapGroup("/v1/queues").WithTags("Queues").RequireAuthorization(Scopes.Admin);
        manage.MapPost("/{lane}/pause", PauseAsync).WithName("PauseQueue").WithSummary("Keeps everybody from starting jobs of a lane; repeating it changes nothing").Refuses(404);
        manage.MapPost("/{lane}/resume", ResumeAsync).WithName("ResumeQueue").WithSummary("Opens a lane again; repeating it changes nothing").Refuses(404);
    }

    private static async Task<Ok<QueueList>> ListAsync(QueueReader queues, CancellationToken ct) =>
        TypedResults.Ok(new QueueList(await queues.ListAsync(ct)));

    private static async Task<Results<Ok<QueueObject>, ProblemResult>> PauseAsync(
        string lane, JobTransitions transitions, QueueReader queues, CancellationToken ct)
    {
        await transitions.PauseLaneAsync(lane, ct);
        return await FindAsync(lane, queues, ct);
    }

    private static async Task<Results<Ok<QueueObject>, ProblemResult>> ResumeAsync(
        string lane, JobTransitions transitions, QueueReader queues, CancellationToken ct)
    {
        // Looked at before: a lane that was known for being paused only is forgotten with it.
        var before = await queues.FindAsync(lane, ct);
        await transitions.ResumeLaneAsync(lane, ct);
        return await queues.FindAsync(lane, ct) is { } now ? TypedResults.Ok(now)
            : before is not null ? TypedResults.Ok(before with { Paused = false, PausedAt = null })
            : NotFound();
    }

    private static async Task<Results<Ok<QueueObject>, ProblemResult>> FindAsync(string lane, QueueReader queues, CancellationToken ct) =>
        await queues.FindAsync(lane, ct) is { } queue ? TypedResults.Ok(queue) : NotFound();

    private static ProblemResult NotFound() =>
        Problems.NotFound("There is no lane of this name: no worker serves it and no job waits in it. GET /v1/queues lists the lanes.");
}
