using System.Globalization;
using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;

namespace I2V.Gateway.Limits;

/// <summary>
/// Refuses what is more than a tenant or its key may ask in a minute, and says on every answer how much is left. Only calls of users
/// count, those under <c>/v1</c> with a key that is valid: workers, probes and signed links are never held up.
/// </summary>
internal sealed class LimitRequests(RateLimits limits) : IMiddleware
{
    public const string LimitHeader = "RateLimit-Limit";
    public const string RemainingHeader = "RateLimit-Remaining";
    public const string ResetHeader = "RateLimit-Reset";

    private static readonly PathString Limited = "/v1";

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (!context.Request.Path.StartsWithSegments(Limited, StringComparison.OrdinalIgnoreCase)
            || context.User.Identity is not { IsAuthenticated: true }
            || await TakeAsync(context.User, context.RequestAborted) is not { } quota)
        {
            await next(context);
            return;
        }

        Tell(context.Response.Headers, quota);
        if (quota.IsExceeded)
        {
            await Problems.RateLimited(quota.Limit, quota.Rest).ExecuteAsync(context);
            return;
        }

        await next(context);
    }

    /// <summary>The narrower of both limits; null where there is none. What a key has too much does not count against its tenant.</summary>
    private async Task<RateQuota?> TakeAsync(ClaimsPrincipal user, CancellationToken ct)
    {
        var ofKey = user.RequestsPerMinuteOfKey() is { } keyLimit ? await limits.TakeAsync(user.KeyId(), keyLimit, ct) : null;
        if (ofKey is { IsExceeded: true } || user.RequestsPerMinute() is not { } limit)
        {
            return ofKey;
        }

        var ofTenant = await limits.TakeAsync(user.TenantId(), limit, ct);
        return ofKey is not null && !ofTenant.IsExceeded && ofKey.Remaining < ofTenant.Remaining ? ofKey : ofTenant;
    }

    private static void Tell(IHeaderDictionary headers, RateQuota quota)
    {
        headers[LimitHeader] = quota.Limit.ToString(CultureInfo.InvariantCulture);
        headers[RemainingHeader] = quota.Remaining.ToString(CultureInfo.InvariantCulture);
        headers[ResetHeader] = Math.Ceiling(quota.Rest.TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }
}
