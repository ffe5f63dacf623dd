using I2V.Gateway.Access;
using I2V.Gateway.OpenApi;
using I2V.Gateway.Scheduling;

namespace I2V.Gateway.Workers;

/// <summary>Every URL that a worker calls, and those that show workers to users.</summary>
internal static class WorkersApi
{
    public static WebApplicationBuilder AddWorkers(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<WorkerReader>();
        return builder;
    }

    public static IEndpointRouteBuilder MapWorkers(this IEndpointRouteBuilder routes)
    {
        var worker = routes.MapGroup("/worker/v1").WithTags("Worker protocol").RequireAuthorization(Scopes.Worker);
        worker.MapPost("/workers", RegisterWorker.HandleAsync).WithName("RegisterWorker");
        worker.MapPost("/workers/{id:guid}/heartbeat", WorkerPresence.HeartbeatAsync).WithName("WorkerHeartbeat");
        worker.MapDelete("/workers/{id:guid}", WorkerPresence.GoodbyeAsync).WithName("WorkerGoodbye");

        worker.MapPost("/claims", ClaimJob.HandleAsync).WithName("ClaimJob");
        worker.MapPost("/claims/{lease:guid}/heartbeat", RenewLease.HandleAsync).WithName("RenewLease");
        worker.MapPost("/claims/{lease:guid}/uploads", BeginUpload.HandleAsync).WithName("BeginUpload");
        worker.MapPost("/claims/{lease:guid}/complete", CompleteJob.HandleAsync).WithName("CompleteJob");
        worker.MapPost("/claims/{lease:guid}/fail", FailJob.HandleAsync).WithName("FailJob");
        worker.MapPost("/claims/{lease:guid}/release", ReleaseJob.HandleAsync).WithName("ReleaseJob");
        worker.MapPost("/claims/{lease:guid}/refuse", RefuseJob.HandleAsync).WithName("RefuseJob");
        worker.MapPost("/claims/{lease:guid}/degraded", DegradeJob.HandleAsync).WithName("DegradeJob");

        var fleet = routes.MapGroup("/v1/workers").WithTags("Workers").RequireAuthorization(Scopes.JobsRead);
        fleet.MapGet("/", ListWorkers.HandleAsync).WithName("ListWorkers");
        fleet.MapGet("/{id}", ListWorkers.HandleOneAsync).WithName("GetWorker");

        var manage = routes.MapGroup("/v1/workers").WithTags("Workers").RequireAuthorization(Scopes.Admin);
        manage.MapPost("/{id}/drain", DrainWorker.DrainAsync).WithName("DrainWorker").WithSummary("Lets a worker finish its job and gives it no further one").Refuses(404, 409);
        manage.MapPost("/{id}/resume", DrainWorker.ResumeAsync).WithName("ResumeWorker").WithSummary("Takes a drain back").Refuses(404, 409);
        return routes;
    }
}
