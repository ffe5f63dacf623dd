using System.ComponentModel.DataAnnotations;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>How pictures come in. Section <c>Intake</c>.</summary>
internal sealed class IntakeOptions
{
    public const string Section = "Intake";

    /// <summary>Lets <c>image.url</c> be http. Default false: what is fetched could be changed on its way.</summary>
    public bool AllowHttp { get; set; }

    /// <summary>
    /// Addresses inside the network that <c>image.url</c> may reach all the same, as CIDR, such as <c>10.1.0.0/16</c>. Default none.
    /// </summary>
    public IList<string> AllowedNetworks { get; } = [];

    /// <summary>Ports that <c>image.url</c> may name. Default 443, and 80 where http is allowed.</summary>
    public IList<int> AllowedPorts { get; } = [];

    /// <summary>Longest time for fetching a picture, redirects included. Default 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:01:00")]
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Pictures decoded at once, each a child process of up to 256 MB. Default: one per processor.</summary>
    [Range(1, 256)]
    public int Decoders { get; set; } = Environment.ProcessorCount;
}
