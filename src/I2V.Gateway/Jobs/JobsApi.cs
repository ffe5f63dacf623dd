using I2V.Gateway.Access;
using I2V.Gateway.Events;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.OpenApi;
using I2V.Protocol.Jobs;

namespace I2V.Gateway.Jobs;

/// <summary>Every address under <c>/v1/jobs</c> and <c>/v1/models</c>, once.</summary>
internal static class JobsApi
{
    public static IServiceCollection AddJobs(this IServiceCollection services)
    {
        services.AddOptions<IntakeOptions>().BindConfiguration(IntakeOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        return services
            .AddSingleton<ImageFetch>()
            .AddSingleton<ImageIntake>()
            .AddSingleton<ModelCatalog>()
            .AddSingleton<QueueInfos>()
            .AddSingleton<EventSignal>()
            .AddHostedService(provider => provider.GetRequiredService<EventSignal>())
            .AddScoped<JobReader>()
            .AddScoped<JobObjects>()
            .AddScoped<JobWait>()
            .AddScoped<JobEvents>()
            .AddScoped<AcceptJob>()
            .AddSingleton<CheckRequest>()
            .AddScoped<EstimateJob>()
            .AddScoped<SubmitJob>()
            .AddScoped<RepeatJob>()
            .AddScoped<DeleteJob>();
    }

    public static void MapJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/v1/jobs").WithTags("Jobs");

        var write = jobs.MapGroup("").RequireAuthorization(Scopes.JobsWrite);
        write.MapPost("/", SubmitJob.HandleAsync).WithName("SubmitJob").WithSummary("Submits a job: one image and what should happen to it")
            .DisableAntiforgery().Refuses(400, 413, 415, 422, 429, 503);
        routes.MapPost("/v1/jobs:estimate", EstimateJob.HandleAsync).WithTags("Jobs").RequireAuthorization(Scopes.JobsWrite)
            .WithName("EstimateJob").WithSummary("Tells what would become of a job, without one").DisableAntiforgery().Refuses(400, 413, 415, 503);
        write.MapPost("/{id}/cancel", CancelJob.HandleAsync).WithName("CancelJob").WithSummary("Ends a job; repeating it changes nothing").Refuses(404);
        write.MapPatch("/{id}", PatchJob.HandleAsync).WithName("PatchJob").WithSummary("Changes a job's tags and, while it waits, its priority and whether it is held")
            .Accepts<JobPatch>("application/json").Refuses(400, 404, 409, 413, 415);
        write.MapPost("/{id}/retry", RetryJob.HandleAsync).WithName("RetryJob").WithSummary("Makes a new job of one that ended without a film")
            .Refuses(400, 404, 409, 422, 429, 503);
        write.MapPost("/{id}/finalize", FinalizeJob.HandleAsync).WithName("FinalizeJob").WithSummary("Makes the same film again at a higher preset")
            .Accepts<FinalizeRequest>(isOptional: true, "application/json").Refuses(400, 404, 409, 413, 415, 422, 429, 503);
        write.MapDelete("/{id}", DeleteJob.HandleAsync).WithName("DeleteJob").WithSummary("Ends a job and removes it with its files").Refuses(404, 503);

        var read = jobs.MapGroup("").RequireAuthorization(Scopes.JobsRead);
        read.MapGet("/", ListJobs.HandleAsync).WithName("ListJobs").WithSummary("Lists jobs, newest first").Refuses(400);
        read.MapGet("/{id}", GetJob.HandleAsync).WithName("GetJob").WithSummary("Tells a job, at once or when it changes")
            .Produces(StatusCodes.Status304NotModified).Refuses(400, 404);
        read.MapGet("/{id}/events", JobEvents.HandleAsync).WithName("JobEvents").WithSummary("Streams a job's events until it ends")
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream").Produces(StatusCodes.Status204NoContent).Refuses(400, 404);
        read.MapGet("/{id}/attempts", GetAttempts.HandleAsync).WithName("GetAttempts").WithSummary("Tells who tried the job and how it ended").Refuses(404);
        read.MapGet("/{id}/content", GetContent.HandleAsync).WithName("GetContent").WithSummary("Leads to the film, its poster or its manifest")
            .Produces(StatusCodes.Status302Found).Produces<byte[]>(StatusCodes.Status200OK, "video/mp4", "image/jpeg", "application/json").Refuses(400, 404, 409, 410, 416);

        var models = routes.MapGroup("/v1/models").WithTags("Models").RequireAuthorization(Scopes.JobsRead);
        models.MapGet("/", GetModels.ListAsync).WithName("ListModels").WithSummary("Lists the models that workers have brought");
        models.MapGet("/{id}", GetModels.OneAsync).WithName("GetModel").WithSummary("Tells a model's limits, settings and presets").Refuses(404);
    }
}
