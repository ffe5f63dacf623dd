using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Protocol.Webhooks;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Webhooks;

/// <summary><c>/v1/webhook-endpoints</c>: who is told when a job of the tenant ends.</summary>
internal static class Endpoints
{
    public static async Task<Results<Created<WebhookEndpoint>, ProblemResult>> CreateAsync(
        HttpContext http, ClaimsPrincipal user, WebhookEndpoints endpoints, IOptions<WebhookOptions> options, CancellationToken ct)
    {
        var body = await EndpointBody.ReadNewAsync(http, options.Value);
        return await endpoints.CreateAsync(user.TenantId(), body.Url, body.Events!, ct) is { } created
            ? TypedResults.Created($"/v1/webhook-endpoints/{created.Id}", created)
            : Problems.Conflict($"You have {WebhookEndpoints.Most} webhook endpoints, as many as there may be. Delete one first.");
    }

    public static async Task<Ok<WebhookEndpointList>> ListAsync(ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        TypedResults.Ok(new WebhookEndpointList { Data = await endpoints.ListAsync(user.TenantId(), ct) });

    public static async Task<Results<Ok<WebhookEndpoint>, ProblemResult>> GetAsync(
        string id, ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        Answer(WebhookIds.TryParseEndpoint(id, out var guid) ? await endpoints.FindAsync(user.TenantId(), guid, ct) : null);

    public static async Task<Results<Ok<WebhookEndpoint>, ProblemResult>> ChangeAsync(
        string id, HttpContext http, ClaimsPrincipal user, WebhookEndpoints endpoints, IOptions<WebhookOptions> options, CancellationToken ct)
    {
        if (!WebhookIds.TryParseEndpoint(id, out var guid) || await endpoints.FindAsync(user.TenantId(), guid, ct) is null)
        {
            return NotFound();
        }

        return Answer(await endpoints.ChangeAsync(user.TenantId(), guid, await EndpointBody.ReadChangeAsync(http, options.Value), ct));
    }

    public static async Task<Results<NoContent, ProblemResult>> DeleteAsync(
        string id, ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct) =>
        WebhookIds.TryParseEndpoint(id, out var guid) && await endpoints.DeleteAsync(user.TenantId(), guid, ct)
            ? TypedResults.NoContent()
            : NotFound();

    public static async Task<Results<Ok<WebhookEndpoint>, ProblemResult>> RotateAsync(
        string id, ClaimsPrincipal user, WebhookEndpoints endpoints, CancellationToken ct)
    {
        if (id == WebhookIds.DefaultEndpoint)
        {
            return TypedResults.Ok(await endpoints.RotateDefaultAsync(user.TenantId(), ct));
        }

        return Answer(WebhookIds.TryParseEndpoint(id, out var guid) ? await endpoints.RotateAsync(user.TenantId(), guid, ct) : null);
    }

    private static Results<Ok<WebhookEndpoint>, ProblemResult> Answer(WebhookEndpoint? endpoint) =>
        endpoint is null ? NotFound() : TypedResults.Ok(endpoint);

    private static ProblemResult NotFound() => Problems.NotFound("There is no webhook endpoint with this id.");
}
