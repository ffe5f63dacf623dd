using System.ComponentModel.DataAnnotations;

namespace I2V.Protocol.Bus;

/// <summary>Where the broker is. Section <c>Bus</c>.</summary>
public sealed class BusOptions
{
    public const string Section = "Bus";

    /// <summary><c>amqp://user:password@host:port/vhost</c>, or <c>amqps://</c>, whose certificate is then verified.</summary>
    [Required]
    public string Url { get; set; } = "";

    /// <summary>Longest time a ticket may stay unacknowledged, that is, the longest job. 2 h.</summary>
    public TimeSpan ConsumerTimeout { get; set; } = TimeSpan.FromHours(2);
}
