namespace I2V.Gateway.Retention;

internal static class RetentionExtensions
{
    public static WebApplicationBuilder AddRetention(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<RetentionOptions>()
            .Bind(builder.Configuration.GetSection(RetentionOptions.Section))
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddSingleton<EndedRows>();
        builder.Services.AddSingleton<DoomedObjects>();
        builder.Services.AddSingleton<UnknownObjects>();
        builder.Services.AddSingleton<SweepMetrics>();
        builder.Services.AddSingleton<Sweeper>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Sweeper>());
        return builder;
    }
}
