using I2V.Gateway.Access;
using I2V.Gateway.OpenApi;
using I2V.Protocol.Webhooks;

namespace I2V.Gateway.Webhooks;

/// <summary>Every address about webhooks, once.</summary>
internal static class WebhooksApi
{
    public static IServiceCollection AddWebhooks(this IServiceCollection services)
    {
        services.AddOptions<WebhookOptions>()
            .BindConfiguration(WebhookOptions.Section)
            .ValidateDataAnnotations()
            .Validate(options => options.NetworksAreValid(), "Webhooks:AllowedNetworks must hold networks as CIDR, such as 10.1.0.0/16.")
            .ValidateOnStart();
        return services
            .AddSingleton<WebhookEndpoints>()
            .AddSingleton<WebhookDeliveries>()
            .AddSingleton<CheckWebhook>()
            .AddSingleton<WebhookPost>()
            .AddHostedService<WebhookSender>();
    }

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        const string json = "application/json";
        var endpoints = routes.MapGroup("/v1/webhook-endpoints").WithTags("Webhooks");
        var write = endpoints.MapGroup("").RequireAuthorization(Scopes.JobsWrite);
        write.MapPost("/", Endpoints.CreateAsync).WithName("CreateWebhookEndpoint").WithSummary("Adds a receiver; its secret is shown once")
            .Accepts<NewWebhookEndpoint>(json).Refuses(400, 409, 413, 415);
        write.MapPatch("/{id}", Endpoints.ChangeAsync).WithName("ChangeWebhookEndpoint").WithSummary("Changes a receiver, stops it or starts it again")
            .Accepts<WebhookEndpointChange>(json).Refuses(400, 404, 413, 415);
        write.MapDelete("/{id}", Endpoints.DeleteAsync).WithName("DeleteWebhookEndpoint").WithSummary("Removes a receiver with its deliveries").Refuses(404);
        write.MapPost("/{id}/rotate", Endpoints.RotateAsync).WithName("RotateWebhookSecret")
            .WithSummary("Makes a new secret, shown once; the old one signs too for 24 hours. default is what signs jobs' own webhooks").Refuses(404);

        var read = endpoints.MapGroup("").RequireAuthorization(Scopes.JobsRead);
        read.MapGet("/", Endpoints.ListAsync).WithName("ListWebhookEndpoints").WithSummary("Lists receivers, newest first");
        read.MapGet("/{id}", Endpoints.GetAsync).WithName("GetWebhookEndpoint").WithSummary("Tells a receiver").Refuses(404);

        var deliveries = routes.MapGroup("/v1/webhook-deliveries").WithTags("Webhooks");
        deliveries.MapGet("/", Deliveries.ListAsync).WithName("ListWebhookDeliveries").WithSummary("Lists deliveries with every attempt, newest first")
            .RequireAuthorization(Scopes.JobsRead).Refuses(400);
        deliveries.MapPost("/{id}/redeliver", Deliveries.RedeliverAsync).WithName("RedeliverWebhook").WithSummary("Sends a delivery again, under the same id")
            .RequireAuthorization(Scopes.JobsWrite).Refuses(404, 409);
    }
}
