using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Gateway;

internal static class GatewayExtensions
{
    /// <summary>
    /// Two clients made by hand: one that carries the key and only knows the gateway, one that carries nothing and follows
    /// signed URLs. (The client factory would log every address with its signature.)
    /// </summary>
    public static void AddGatewayClient(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(services => new GatewayClient(
            GatewayClient.CreateHttp(services.GetRequiredService<IOptions<WorkerOptions>>().Value),
            services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(services => new SignedTransfer(
            new HttpClient(GatewayClient.NewHandler()) { Timeout = Timeout.InfiniteTimeSpan },
            services.GetRequiredService<TimeProvider>()));
    }
}
