using System.ComponentModel.DataAnnotations;
using System.Net;

namespace I2V.Gateway.Webhooks;

/// <summary>Where webhooks may go and how long an answer may take. Section <c>Webhooks</c>.</summary>
internal sealed class WebhookOptions
{
    public const string Section = "Webhooks";

    /// <summary>Lets an address be http. Default false: job objects hold links to films, which nobody on the way should read.</summary>
    public bool AllowHttp { get; set; }

    /// <summary>Addresses inside the network that webhooks may reach all the same, as CIDR, such as <c>10.1.0.0/16</c>. Default none.</summary>
    public IList<string> AllowedNetworks { get; } = [];

    /// <summary>Longest wait for an answer, connecting included: a receiver that works first and answers later is told again. Default 15 s.</summary>
    [Range(1, 60)]
    public double TimeoutSeconds { get; set; } = 15;

    /// <summary>
    /// How long a gateway holds a delivery before another may take it over: the attempt and three statements at their longest.
    /// </summary>
    public double LeaseSeconds => TimeoutSeconds + 30;

    public IReadOnlyList<IPNetwork> Networks() => [.. AllowedNetworks.Select(text => IPNetwork.Parse(text))];

    public bool NetworksAreValid() => AllowedNetworks.All(text => IPNetwork.TryParse(text, out _));
}
