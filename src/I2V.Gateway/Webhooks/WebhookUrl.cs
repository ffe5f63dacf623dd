using System.Net;
using I2V.Gateway.Outbound;

namespace I2V.Gateway.Webhooks;

/// <summary>What can be said about an address without asking DNS, when it is given and again before each attempt.</summary>
internal static class WebhookUrl
{
    public const int MaxCharacters = 2_048;

    /// <returns>What is wrong with it, or null.</returns>
    public static string? FindProblem(string text, WebhookOptions options)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host.Length == 0)
        {
            return "Is not an absolute address; give one such as https://example.com/hooks.";
        }

        if (url.Scheme != Uri.UriSchemeHttps && !(options.AllowHttp && url.Scheme == Uri.UriSchemeHttp))
        {
            return $"Has the scheme {url.Scheme}; webhooks go to https only.";
        }

        if (url.UserInfo.Length > 0)
        {
            return "Holds a user name; give an address without one and verify the signature instead.";
        }

        if (url.Fragment.Length > 0)
        {
            return "Holds a fragment, which is never sent; leave out what follows the #.";
        }

        return IPAddress.TryParse(url.IdnHost.Trim('[', ']'), out var address) && !PublicAddress.Is(address, options.Networks())
            ? "Points to an address that is not on the public internet."
            : null;
    }
}
