using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace I2V.Gateway.Storage;

/// <summary>
/// The address under which others reach this gateway, for links that it makes: <c>Gateway:PublicUrl</c>, else the address
/// that the current request came to, else (in background work) the first one that the server listens on.
/// </summary>
internal sealed class PublicUrl(IConfiguration configuration, IHttpContextAccessor requests, IServer server)
{
    public const string Setting = "Gateway:PublicUrl";

    /// <summary>Without a slash at its end.</summary>
    public string Base
    {
        get
        {
            if (configuration[Setting] is { Length: > 0 } configured)
            {
                return configured.TrimEnd('/');
            }

            return requests.HttpContext?.Request is { } request
                ? $"{request.Scheme}://{request.Host}{request.PathBase}"
                : Listening();
        }
    }

    private string Listening()
    {
        var address = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()
            ?? throw new InvalidOperationException($"A link was made before the server listens: set {Setting}.");
        var binding = BindingAddress.Parse(address);
        var host = binding.Host is "*" or "+" or "0.0.0.0" or "[::]" ? "localhost" : binding.Host;
        return FormattableString.Invariant($"{binding.Scheme}://{host}:{binding.Port}{binding.PathBase}");
    }
}
