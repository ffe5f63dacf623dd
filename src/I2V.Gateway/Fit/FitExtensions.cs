namespace I2V.Gateway.Fit;

internal static class FitExtensions
{
    public static IServiceCollection AddFit(this IServiceCollection services) => services
        .AddSingleton<Fleet>()
        .AddSingleton<FitCases>()
        .AddSingleton<RefitJobs>();
}
