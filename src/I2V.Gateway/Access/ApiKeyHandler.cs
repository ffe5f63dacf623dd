using System.Globalization;
using System.Security.Claims;
using System.Text.Encodings.Web;
using I2V.Gateway.Errors;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Access;

/// <summary>Reads <c>Authorization: Bearer</c> or <c>X-API-Key</c>. Every bad key gets the same 401.</summary>
internal sealed class ApiKeyHandler(
    ApiKeys keys, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";
    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (ReadKey() is not { } text)
        {
            return AuthenticateResult.NoResult();
        }

        if (await keys.FindAsync(text, Context.RequestAborted) is not { Key: var key, Tenant: var tenant })
        {
            return AuthenticateResult.Fail("The API key is not valid.");
        }

        var identity = new ClaimsIdentity(
            [
                new Claim(TenantPrincipal.TenantClaim, key.TenantId.ToString()),
                new Claim(TenantPrincipal.KeyClaim, key.Id.ToString()),
                new Claim(TenantPrincipal.MaxPriorityClaim, tenant.MaxPriority.ToString(CultureInfo.InvariantCulture)),
                .. Number(TenantPrincipal.RequestsClaim, tenant.RequestsPerMinute),
                .. Number(TenantPrincipal.KeyRequestsClaim, key.RequestsPerMinute),
                .. key.Scopes.Select(scope => new Claim(TenantPrincipal.ScopeClaim, scope)),
            ],
            SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Problems.Unauthorized().ExecuteAsync(Context);

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problems.Forbidden().ExecuteAsync(Context);

    private static Claim[] Number(string type, int? value) =>
        value is { } number ? [new Claim(type, number.ToString(CultureInfo.InvariantCulture))] : [];

    private string? ReadKey()
    {
        var authorization = Request.Headers.Authorization.ToString();
        if (authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            return authorization[Bearer.Length..].Trim();
        }

        return Request.Headers.TryGetValue("X-API-Key", out var key) ? key.ToString() : null;
    }
}
