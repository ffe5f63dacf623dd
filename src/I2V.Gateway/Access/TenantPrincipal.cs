using System.Globalization;
using System.Security.Claims;

namespace I2V.Gateway.Access;

internal static class TenantPrincipal
{
    public const string TenantClaim = "tenant_id";
    public const string KeyClaim = "key_id";
    public const string ScopeClaim = "scope";
    public const string MaxPriorityClaim = "max_priority";
    public const string RequestsClaim = "requests_per_minute";
    public const string KeyRequestsClaim = "key_requests_per_minute";

    /// <summary>The tenant that the request's key belongs to. Every query about jobs is bounded by it.</summary>
    public static Guid TenantId(this ClaimsPrincipal user) =>
        Guid.TryParse(user.FindFirstValue(TenantClaim), out var id)
            ? id
            : throw new InvalidOperationException("The request has no tenant: the endpoint lacks RequireAuthorization.");

    /// <summary>The highest priority that the tenant may give a job.</summary>
    public static int MaxPriority(this ClaimsPrincipal user) =>
        int.Parse(user.FindFirstValue(MaxPriorityClaim)!, CultureInfo.InvariantCulture);

    public static Guid KeyId(this ClaimsPrincipal user) => Guid.Parse(user.FindFirstValue(KeyClaim)!);

    /// <summary>Requests that all keys of the tenant may make in a minute; null for no limit.</summary>
    public static int? RequestsPerMinute(this ClaimsPrincipal user) => user.FindNumber(RequestsClaim);

    /// <summary>Requests that this key alone may make in a minute; null for as many as its tenant.</summary>
    public static int? RequestsPerMinuteOfKey(this ClaimsPrincipal user) => user.FindNumber(KeyRequestsClaim);

    public static bool HasScope(this ClaimsPrincipal user, string scope) => user.HasClaim(ScopeClaim, scope);

    private static int? FindNumber(this ClaimsPrincipal user, string claim) =>
        user.FindFirstValue(claim) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
}
