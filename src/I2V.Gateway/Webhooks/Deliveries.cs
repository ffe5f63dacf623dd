using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Jobs;
using I2V.Protocol.Webhooks;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Webhooks;

/// <summary><c>/v1/webhook-deliveries</c>: what was sent, what came back, and once more.</summary>
internal static class Deliveries
{
    private static readonly string[] Known = ["status", "job", "endpoint", "limit", "cursor"];
    private static readonly string[] States = ["pending", "delivered", "failed"];

    public static async Task<Results<Ok<WebhookDeliveryList>, ProblemResult>> ListAsync(
        HttpContext http, ClaimsPrincipal user, WebhookDeliveries deliveries, CancellationToken ct)
    {
        var query = http.Request.Query;
        var errors = new ErrorList();
        Paging.RefuseUnknown(query, Known, errors);
        var filter = ReadFilter(query, errors);
        var limit = Paging.ReadLimit(query, errors);
        errors.ThrowIfAny();

        var rows = await deliveries.ListAsync(user.TenantId(), filter, limit + 1, ct);
        var page = rows.Take(limit).ToArray();
        var hasMore = rows.Count > limit;
        return TypedResults.Ok(new WebhookDeliveryList
        {
            Data = page,
            HasMore = hasMore,
            NextCursor = hasMore && WebhookIds.TryParseDelivery(page[^1].Id, out var last) ? JobCursor.Write(last) : null,
        });
    }

    public static async Task<Results<Accepted<WebhookDelivery>, ProblemResult>> RedeliverAsync(
        string id, ClaimsPrincipal user, WebhookDeliveries deliveries, JobSignals signals, CancellationToken ct)
    {
        var result = WebhookIds.TryParseDelivery(id, out var guid)
            ? await deliveries.RedeliverAsync(user.TenantId(), guid, ct)
            : new RedeliverResult.NotFound();
        signals.WebhookMayWait();
        return result switch
        {
            RedeliverResult.Due due => TypedResults.Accepted((string?)null, due.Delivery),
            RedeliverResult.Disabled => Problems.Conflict("The delivery's endpoint is disabled. Enable it first: PATCH it with {\"disabled\": false}."),
            RedeliverResult.UnderWay => Problems.Conflict("The delivery is being attempted at this moment. Look at what comes of it."),
            _ => Problems.NotFound("There is no webhook delivery with this id."),
        };
    }

    private static DeliveryFilter ReadFilter(IQueryCollection query, ErrorList errors)
    {
        var status = Paging.Last(query["status"]);
        if (status is not null && !States.Contains(status))
        {
            errors.Add("/status", $"Must be one of {string.Join(", ", States)}.");
        }

        Guid? job = null;
        if (Paging.Last(query["job"]) is { } jobText)
        {
            job = JobId.TryParse(jobText, out var id) ? id : null;
            Require(job, "/job", "Must be a job's id, such as job_ and 32 digits.", errors);
        }

        Guid? endpoint = null;
        if (Paging.Last(query["endpoint"]) is { } endpointText)
        {
            endpoint = WebhookIds.TryParseEndpoint(endpointText, out var id) ? id : null;
            Require(endpoint, "/endpoint", "Must be an endpoint's id, such as whe_ and 32 digits.", errors);
        }

        return new DeliveryFilter(status, job, endpoint, Paging.ReadCursor(query, errors));
    }

    private static void Require(Guid? id, string pointer, string detail, ErrorList errors)
    {
        if (id is null)
        {
            errors.Add(pointer, detail);
        }
    }
}
