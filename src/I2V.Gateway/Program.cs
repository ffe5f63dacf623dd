using I2V.Gateway.Access;
using I2V.Gateway.Console;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Health;
using I2V.Gateway.Jobs;
using I2V.Gateway.Limits;
using I2V.Gateway.OpenApi;
using I2V.Gateway.Queues;
using I2V.Gateway.Retention;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.Gateway.Webhooks;
using I2V.Gateway.Workers;
using I2V.Protocol;
using I2V.Protocol.Bus;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace I2V.Gateway;

/// <summary>The gateway's table of contents: one line per feature, twice.</summary>
internal static class GatewayHost
{
    public static Task Main(string[] args) => Build(args).RunAsync();

    /// <summary>Builds without starting, so that tests can run a gateway in their own process.</summary>
    public static WebApplication Build(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateBuilder(args);
        configure?.Invoke(builder);

        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.ConfigureHttpJsonOptions(json => I2VJson.Configure(json.SerializerOptions));
        builder.AddI2VLogging();
        builder.AddDatabase();
        builder.AddAccess();
        builder.Services.AddProblems();
        builder.AddI2VStorage();
        builder.AddI2VBus();
        builder.AddScheduling();
        builder.Services.AddLimits();
        builder.AddRetention();
        builder.AddWorkers();
        builder.Services.AddQueues();
        builder.Services.AddFit();
        builder.Services.AddJobs();
        builder.Services.AddWebhooks();
        builder.AddHealth();
        builder.Services.AddApiDocument();

        var app = builder.Build();

        app.UseProblems();
        app.UseConsole();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseLimits();

        app.MapJobs();
        app.MapWebhooks();
        app.MapWorkers();
        app.MapQueues();
        app.MapStorage();
        app.MapHealth();
        app.MapApiDocument();

        return app;
    }
}
