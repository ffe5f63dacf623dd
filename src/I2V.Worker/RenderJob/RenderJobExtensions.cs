using I2V.Protocol.Bus;
using I2V.Worker.Registration;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace I2V.Worker.RenderJob;

internal static class RenderJobExtensions
{
    public static void AddRenderJob(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<Scratch>();
        builder.Services.AddSingleton<Workbench>();
        builder.Services.AddSingleton<RenderAttempt>();
        builder.Services.AddSingleton<StopPolicy>();
        builder.Services.AddSingleton<AttemptRunner>();
        builder.Services.AddSingleton<WorkLoop>();
        builder.AddI2VBus(bus => bus.AddConsumer<WorkTicketConsumer>(), ConnectLanes);
        builder.Services.AddHostedService<IdlePoll>();
    }

    /// <summary>One endpoint per lane. Stop timeouts stay unset: with one, the host would return while a job still runs.</summary>
    private static void ConnectLanes(IBusRegistrationContext context, IRabbitMqBusFactoryConfigurator rabbit)
    {
        var options = context.GetRequiredService<IOptions<BusOptions>>().Value;
        foreach (var lane in context.GetRequiredService<WorkerState>().Lanes)
        {
            rabbit.ReceiveEndpoint(lane, endpoint =>
            {
                endpoint.ConfigureLane(options);
                endpoint.ConfigureConsumer<WorkTicketConsumer>(context);
            });
        }
    }
}
