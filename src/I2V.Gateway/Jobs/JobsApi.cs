using I2V.Gateway.Access;
using I2V.Gateway.Events;
using I2V.Gateway.Jobs.Intake;

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
            .AddScoped<SubmitJob>()
            .AddScoped<DeleteJob>();
    }

    public static void MapJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/v1/jobs").WithTags("Jobs");

        var write = jobs.MapGroup("").RequireAuthorization(Scopes.JobsWrite);
        write.MapPost("/", SubmitJob.HandleAsync).WithName("SubmitJob").DisableAntiforgery();
        write.MapPost("/{id}/cancel", CancelJob.HandleAsync).WithName("CancelJob");
        write.MapDelete("/{id}", DeleteJob.HandleAsync).WithName("DeleteJob");

        var read = jobs.MapGroup("").RequireAuthorization(Scopes.JobsRead);
        read.MapGet("/", ListJobs.HandleAsync).WithName("ListJobs");
        read.MapGet("/{id}", GetJob.HandleAsync).WithName("GetJob");
        read.MapGet("/{id}/events", JobEvents.HandleAsync).WithName("JobEvents");
        read.MapGet("/{id}/attempts", GetAttempts.HandleAsync).WithName("GetAttempts");
        read.MapGet("/{id}/content", GetContent.HandleAsync).WithName("GetContent");

        var models = routes.MapGroup("/v1/models").WithTags("Models").RequireAuthorization(Scopes.JobsRead);
        models.MapGet("/", GetModels.ListAsync).WithName("ListModels");
        models.MapGet("/{id}", GetModels.OneAsync).WithName("GetModel");
    }
}
