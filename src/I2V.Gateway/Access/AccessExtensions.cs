using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Access;

internal static class AccessExtensions
{
    /// <summary>Adds API keys as the way in, and one policy per scope. Endpoints ask for theirs with <c>RequireAuthorization(Scopes.…)</c>.</summary>
    public static WebApplicationBuilder AddAccess(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AccessOptions>()
            .Bind(builder.Configuration.GetSection(AccessOptions.Section))
            .ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<AccessOptions>, ValidateAccess>();
        builder.Services.AddSingleton<ApiKeys>();
        builder.Services.AddSingleton<BootstrapKeys>();

        // Not AddAuthentication: that brings data protection along, which writes key files that nothing here ever uses.
        builder.Services.AddWebEncoders();
        builder.Services.AddAuthenticationCore(options => options.DefaultScheme = ApiKeyHandler.SchemeName);
        new AuthenticationBuilder(builder.Services)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        var authorization = builder.Services.AddAuthorizationBuilder();
        foreach (var scope in Scopes.All)
        {
            authorization.AddPolicy(scope, policy => policy.RequireClaim(TenantPrincipal.ScopeClaim, scope));
        }

        return builder;
    }

    private sealed class ValidateAccess : IValidateOptions<AccessOptions>
    {
        public ValidateOptionsResult Validate(string? name, AccessOptions options) =>
            options.FindProblem() is { } problem ? ValidateOptionsResult.Fail(problem) : ValidateOptionsResult.Success;
    }
}
