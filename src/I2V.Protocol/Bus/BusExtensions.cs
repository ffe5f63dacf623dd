using System.Net.Security;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace I2V.Protocol.Bus;

/// <summary>The one place where processes agree on how they use RabbitMQ.</summary>
public static class BusExtensions
{
    /// <summary>Adds MassTransit over RabbitMQ. <paramref name="endpoints"/> connects consumers where a process has any.</summary>
    public static IHostApplicationBuilder AddI2VBus(
        this IHostApplicationBuilder builder,
        Action<IBusRegistrationConfigurator>? consumers = null,
        Action<IBusRegistrationContext, IRabbitMqBusFactoryConfigurator>? endpoints = null)
    {
        builder.Services.AddOptions<BusOptions>()
            .Bind(builder.Configuration.GetSection(BusOptions.Section))
            .ValidateDataAnnotations()
            .ValidateOnStart();

        // A broker that is down at start must not stop a process: the database is the truth, tickets are a hint.
        builder.Services.AddOptions<MassTransitHostOptions>().Configure(o => o.WaitUntilStarted = false);

        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            consumers?.Invoke(bus);
            bus.UsingRabbitMq((context, rabbit) =>
            {
                ConfigureHost(rabbit, context.GetRequiredService<IOptions<BusOptions>>().Value);
                endpoints?.Invoke(context, rabbit);
            });
        });

        return builder;
    }

    /// <summary>Applies what makes a lane's queue a lane: durable, classic, a time-out above the longest job, one ticket at a time.</summary>
    public static void ConfigureLane(this IRabbitMqReceiveEndpointConfigurator endpoint, BusOptions options)
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.Durable = true;
        endpoint.AutoDelete = false;
        endpoint.PrefetchCount = 1;
        endpoint.ConcurrentMessageLimit = 1;
        endpoint.SetQueueArgument("x-consumer-timeout", (long)options.ConsumerTimeout.TotalMilliseconds);
    }

    private static void ConfigureHost(IRabbitMqBusFactoryConfigurator rabbit, BusOptions options)
    {
        var url = new Uri(options.Url);
        rabbit.Host(url, host =>
        {
            host.PublisherConfirmation = true;
            if (url.Scheme == "amqps")
            {
                // MassTransit accepts unknown issuers and other names unless it is told not to.
                host.UseSsl(ssl =>
                {
                    ssl.ServerName = url.Host;
                    ssl.EnforcePolicyErrors(SslPolicyErrors.RemoteCertificateChainErrors
                        | SslPolicyErrors.RemoteCertificateNameMismatch
                        | SslPolicyErrors.RemoteCertificateNotAvailable);
                });
            }
        });
    }
}
