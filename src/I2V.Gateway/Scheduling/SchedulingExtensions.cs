namespace I2V.Gateway.Scheduling;

internal static class SchedulingExtensions
{
    public static WebApplicationBuilder AddScheduling(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<SchedulingOptions>()
            .Bind(builder.Configuration.GetSection(SchedulingOptions.Section))
            .ValidateDataAnnotations()
            .Validate(
                options => options.HeartbeatSeconds * 3 <= options.LeaseSeconds,
                "Scheduling:LeaseSeconds must be at least three times Scheduling:HeartbeatSeconds, or one lost heartbeat costs a job.")
            .ValidateOnStart();
        builder.Services.AddSingleton<JobSignals>();
        builder.Services.AddSingleton<QueueQuota>();
        builder.Services.AddSingleton<JobTransitions>();
        builder.Services.AddSingleton<TicketPublisher>();
        builder.Services.AddHostedService<EventNotifier>();
        builder.Services.AddHostedService<OutboxDispatcher>();
        builder.Services.AddHostedService<Reaper>();
        return builder;
    }
}
