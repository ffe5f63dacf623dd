namespace I2V.Gateway.Health;

internal static class HealthApi
{
    public static WebApplicationBuilder AddHealth(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Readiness>();
        return builder;
    }

    /// <summary>Open to everybody: probes carry no keys, and the answers name nothing secret.</summary>
    public static IEndpointRouteBuilder MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health").AllowAnonymous();
        health.MapGet("/live", () => TypedResults.Ok(new Alive("alive"))).WithName("Live");
        health.MapGet("/ready", GetReadiness.HandleAsync).WithName("Ready");
        return routes;
    }

    internal sealed record Alive(string Status);
}
