namespace I2V.Gateway.Limits;

internal static class LimitsExtensions
{
    public static IServiceCollection AddLimits(this IServiceCollection services) => services
        .AddSingleton<RateLimits>()
        .AddSingleton<StoredBytes>()
        .AddSingleton<LimitRequests>();

    /// <summary>Behind authorization: who may not come in spends nothing of the tenant's.</summary>
    public static IApplicationBuilder UseLimits(this IApplicationBuilder app) => app.UseMiddleware<LimitRequests>();
}
